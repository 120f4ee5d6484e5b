import type { WebhookBroker } from '@holdfast/broker/webhook-broker';
import type { WebhookState } from '@holdfast/broker/webhook-state';
import type { WebhookEndpoint } from '@holdfast/protocol/webhooks-file';
import type { Logger } from '@holdfast/service/logger';
import { attempt } from './attempt.ts';
import { Backlog } from './backlog.ts';
import { Changes } from './changes.ts';
import { type Delivery, encodeDelivery, newDelivery, oldestOf } from './delivery.ts';
import { filterOf, isFor } from './endpoint-filter.ts';
import { EndpointHealth } from './endpoint-health.ts';
import { Gathering } from './gathering.ts';
import { Outcomes, REDIS_RETRY_MS } from './outcomes.ts';
import { PartitionReader } from './partition-reader.ts';
import type { RetrySchedule } from './retries.ts';
import type { Sender } from './sender.ts';
import { type FindApp, signerOf } from './signature.ts';
import { WaitingDeliveries } from './waiting.ts';
import type { WebhookMetrics } from './webhook-metrics.ts';

/** Requests to one endpoint at a time. */
const MAX_IN_FLIGHT = 8;
/** All is sent again at most so often, or events that are new would never have their turn. */
export const REPLAY_EVERY_MS = 10_000;
/** The longest wait of setTimeout is 24 days, and times are looked at again all the same. */
const LONGEST_WAIT_MS = 60_000;

export interface DeliveringDeps {
  readonly broker: WebhookBroker;
  readonly sender: Pick<Sender, 'send'>;
  readonly findApp: FindApp;
  readonly retries: RetrySchedule;
  readonly metrics: WebhookMetrics;
  readonly logger: Logger;
  /** Whether the lease is held beyond doubt. */
  readonly holdsLease: () => boolean;
}

/** What was found when the lease was taken. */
export interface Found {
  readonly state: WebhookState;
  readonly cursors: ReadonlyMap<string, string>;
  readonly deliveries: ReadonlyMap<string, string>;
}

/**
 * Delivers the events of all partitions to one endpoint, as long as this process holds its lease: those of a partition one
 * after the other, each until it is taken. A delivery that fails holds up its own partitions and no other.
 */
export class Delivering {
  readonly backlog: Backlog;
  readonly #deps: DeliveringDeps;
  readonly #changes: Changes;
  readonly #waiting: WaitingDeliveries;
  readonly #health: EndpointHealth;
  readonly #gathering: Gathering;
  readonly #reader: PartitionReader;
  readonly #outcomes: Outcomes;
  readonly #inFlight = new Set<Delivery>();
  readonly #aborted = new AbortController();
  readonly #idle = new Set<() => void>();
  #endpoint: WebhookEndpoint;
  /** ms, of the clock that only goes forward */
  #replayedAt = -Infinity;
  /** Waits until nothing is under way. */
  #replay: string | null = null;
  /** Requests that are done, and of which Redis may not know yet that they are. */
  readonly #handled: { enable?: string; replay?: string } = {};
  /** Events that Redis is known to have counted, whoever did. */
  #dropped: number;
  /** Those of them that it has forgotten, and has to count anew. */
  #droppedBefore = 0;
  /** That its app is missing was logged. */
  #isWaiting = false;
  /** Since when it is missing, in ms since 1970, whichever process found it so first. */
  #waitingSince: number | null;
  #stopping = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(endpoint: WebhookEndpoint, token: string, { state, cursors, deliveries }: Found, deps: DeliveringDeps) {
    const { broker, metrics, logger } = deps;
    const { id } = endpoint;
    this.#endpoint = endpoint;
    this.#deps = deps;
    this.#dropped = state.dropped;
    this.#waitingSince = state.waitingSince;
    this.backlog = new Backlog(state.begins, cursors);
    this.#changes = new Changes(broker, { id, token, takeMoved: () => this.backlog.takeMoved() });
    this.#waiting = new WaitingDeliveries(deliveries, this.backlog, this.#changes);
    const isFailing = this.#waiting.countFailing() > 0;
    this.#health = new EndpointHealth(state, { id, changes: this.#changes, metrics, logger, isFailing });
    this.#outcomes = new Outcomes({
      ...deps,
      id,
      backlog: this.backlog,
      changes: this.#changes,
      waiting: this.#waiting,
      health: this.#health,
    });
    this.#gathering = new Gathering(this.backlog);
    this.#reader = new PartitionReader(this.backlog, {
      broker,
      isWanted: (event) => isFor(this.#endpoint, event),
      onRead: () => this.pump(),
      onSetBack: (partition) =>
        logger.warn({ endpoint: id, partition }, 'Redis has lost events: those before them may be sent again'),
      onError: (error) => logger.error({ err: error, endpoint: id }, 'events could not be read'),
    });
  }

  /** When the oldest event happened that is not delivered, as far as is known; null when there is none. */
  oldest(): number | null {
    const inFlight = [...this.#inFlight].map(oldestOf);
    const oldest = Math.min(this.backlog.oldest() ?? Infinity, this.#waiting.oldest(), ...inFlight);
    return oldest === Infinity ? null : oldest;
  }

  isDisabled(): boolean {
    return this.#health.isDisabled();
  }

  /** The endpoint as the file has it by now. */
  update(endpoint: WebhookEndpoint): void {
    const isSame = JSON.stringify(filterOf(this.#endpoint)) === JSON.stringify(filterOf(endpoint));
    this.#endpoint = endpoint;
    if (!isSame) this.backlog.refilter();
    this.pump();
  }

  /** The lease was renewed: what operators ask for is done, and what there is is written. */
  async onRenewed({ enable, replay, dropped }: Pick<WebhookState, 'enable' | 'replay' | 'dropped'>): Promise<void> {
    if (enable !== null && enable !== this.#handled.enable) this.#enable(enable);
    this.#reportApp();
    this.#endWaiting();
    if (replay !== null && replay !== this.#handled.replay && this.#mayReplay()) this.#replay = replay;
    this.#changes.state({ oldest: String(this.oldest() ?? '') });
    this.pump();
    await this.#changes.flush();
    // Added, for others count as well.
    if (this.#droppedBefore > 0) await this.#deps.broker.countDropped(this.#endpoint.id, this.#droppedBefore);
    this.#dropped = dropped + this.#droppedBefore;
    this.#droppedBefore = 0;
  }

  /** Redis knows nothing any more: all that is known here is written anew. */
  async restore(): Promise<void> {
    this.#outcomes.onForgotten();
    this.backlog.markAllMoved();
    this.#waiting.writeAll();
    for (const delivery of this.#inFlight) {
      if (delivery.isStored) this.#changes.delivery(delivery.name, encodeDelivery(delivery));
    }
    this.#changes.state({
      begins: String(this.backlog.begins),
      failing: String(this.#waiting.countFailing()),
      waitingSince: String(this.#waitingSince ?? ''),
    });
    this.#health.write();
    this.#droppedBefore = this.#dropped;
    await this.#changes.flush();
  }

  /** Does what can be done now, and comes back when there is more. */
  readonly pump = (): void => {
    clearTimeout(this.#timer);
    if (this.#stopping) return;
    if (this.#replay !== null && this.#inFlight.size === 0) this.#rewind(this.#replay);
    if (this.#maySend()) {
      const now = Date.now();
      const atOnce = this.#canSign() ? MAX_IN_FLIGHT : 0;
      while (this.#inFlight.size < atOnce) {
        const next = this.#waiting.takeDue(now) ?? this.#nextNew();
        if (next === null) break;
        this.#start(next);
      }
      this.#reader.read();
    }
    this.#timer = setTimeout(this.pump, this.#waitMs());
  };

  /**
   * Starts nothing more, waits for what is under way, and writes down how far it came.
   * @param graceMs then it is given up: it is sent again by whoever takes over
   */
  async drain(graceMs: number): Promise<void> {
    this.#stop();
    const timer = setTimeout(() => this.#aborted.abort(), graceMs);
    if (this.#inFlight.size > 0) await new Promise<void>((resolve) => this.#idle.add(resolve));
    clearTimeout(timer);
    await this.#changes.flush();
  }

  /** Another control-api delivers: nothing more is sent or written. */
  abandon(): void {
    this.#stop();
    this.#aborted.abort();
  }

  #stop(): void {
    this.#stopping = true;
    this.#reader.stop();
    clearTimeout(this.#timer);
  }

  /** Whichever control-api was asked. The request waits till then. */
  #mayReplay(): boolean {
    return performance.now() - this.#replayedAt >= REPLAY_EVERY_MS;
  }

  #maySend(): boolean {
    const isReplaying = this.#replay !== null;
    return (
      !this.#stopping &&
      !isReplaying &&
      !this.isDisabled() &&
      Date.now() >= this.#health.pausedUntil &&
      this.#deps.holdsLease()
    );
  }

  /** Without its app in the keys file nothing is sent to an endpoint, and nothing fails. */
  #canSign(): boolean {
    return signerOf(this.#endpoint, this.#deps.findApp) !== null;
  }

  #reportApp(): void {
    const isWaiting = !this.#canSign();
    if (isWaiting === this.#isWaiting) return;
    this.#isWaiting = isWaiting;
    const { id, app } = { app: undefined, ...this.#endpoint };
    const { logger } = this.#deps;
    if (isWaiting) logger.warn({ endpoint: id, app }, 'no API key has the app of the endpoint: its webhooks wait');
    else logger.info({ endpoint: id, app }, 'the app of the endpoint is there: its webhooks are sent');
  }

  /** Disables it when its app has been missing for as long as tries go on: what waits keeps the events of all endpoints. */
  #endWaiting(): void {
    if (this.#canSign() || this.isDisabled()) return this.#setWaitingSince(null);
    const now = Date.now();
    if (this.#waitingSince === null) this.#setWaitingSince(now);
    else if (now - this.#waitingSince >= this.#deps.retries.giveUpMs) this.#health.disable('unknown-app');
  }

  #setWaitingSince(since: number | null): void {
    if (since === this.#waitingSince) return;
    this.#waitingSince = since;
    this.#changes.state({ waitingSince: String(since ?? '') });
  }

  /** Until something is due. */
  #waitMs(): number {
    const now = Date.now();
    if (!this.#maySend() || !this.#canSign())
      return Math.min(LONGEST_WAIT_MS, Math.max(this.#health.pausedUntil - now, REDIS_RETRY_MS));
    if (this.#inFlight.size >= MAX_IN_FLIGHT) return LONGEST_WAIT_MS;
    const due = Math.min(this.#waiting.nextDue() - now, this.#gathering.dueMs(this.#endpoint.batch));
    return Math.max(Math.ceil(Math.min(LONGEST_WAIT_MS, due)), 1);
  }

  #nextNew(): Delivery | null {
    const { batch } = this.#endpoint;
    const { events, hasWaited } = this.#gathering.take(batch);
    return events.length === 0 ? null : newDelivery(events, { isBatch: batch !== undefined, hasWaited });
  }

  #start(delivery: Delivery): void {
    this.#inFlight.add(delivery);
    this.#try(delivery)
      .catch((error: unknown) => this.#outcomes.onError(delivery, error))
      .finally(() => {
        this.#inFlight.delete(delivery);
        if (this.#inFlight.size === 0) for (const resolve of this.#idle) resolve();
        this.pump();
      });
  }

  async #try(delivery: Delivery): Promise<void> {
    const { broker, sender, findApp, holdsLease } = this.#deps;
    if (delivery.batchId !== null && !delivery.isStored) {
      this.#changes.delivery(delivery.name, encodeDelivery(delivery));
      // Redis has lost the lease, or given it to another: the next renewal restores or abandons what waits.
      if (!(await this.#changes.flush())) return this.#outcomes.wait(delivery, Date.now() + REDIS_RETRY_MS);
      delivery.isStored = true;
    }
    const tried = await attempt(delivery, {
      broker,
      sender,
      endpoint: () => this.#endpoint,
      findApp,
      maySend: () => !this.#stopping && holdsLease(),
      signal: this.#aborted.signal,
    });
    if (tried.kind === 'sent') this.#outcomes.onSent(delivery, tried.result, tried.events);
    else if (tried.kind === 'missing') await this.#outcomes.onMissing(delivery, tried.left);
    else if (tried.kind === 'held-back') this.#outcomes.wait(delivery, Date.now());
  }

  /** All that waits is tried at once, as if it had not been tried yet. */
  #enable(request: string): void {
    this.#waiting.retryAll();
    this.#health.enable();
    this.#setWaitingSince(null);
    this.#handled.enable = request;
    this.#changes.done('enable', request);
  }

  /** @param request begins with the time from which on all is sent again */
  #rewind(request: string): void {
    const since = Number.parseInt(request, 10);
    this.#waiting.clear();
    this.backlog.rewind(since);
    this.#changes.state({ begins: String(this.backlog.begins) });
    this.#handled.replay = request;
    this.#changes.done('replay', request);
    this.#replay = null;
    this.#replayedAt = performance.now();
    this.#deps.logger.info(
      { endpoint: this.#endpoint.id, since: new Date(since).toISOString() },
      'webhooks are replayed',
    );
    this.#outcomes.flushSoon();
  }
}
