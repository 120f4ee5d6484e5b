import type { StoredEvent } from '@holdfast/broker/stored-event';
import type { WebhookBroker } from '@holdfast/broker/webhook-broker';
import type { WebhookState } from '@holdfast/broker/webhook-state';
import type { DisabledReason } from '@holdfast/protocol/rest/webhooks';
import type { WebhookEndpoint } from '@holdfast/protocol/webhooks-file';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import type { Logger } from '@holdfast/service/logger';
import { traceWebhook } from '@holdfast/service/tracing';
import { Backlog } from './backlog.ts';
import { Changes } from './changes.ts';
import { type Delivery, decodeDelivery, encodeDelivery, newDelivery, oldestOf } from './delivery.ts';
import { isFor } from './endpoint-filter.ts';
import { batchRequest, publicEvents, singleRequest } from './event-body.ts';
import { type RetrySchedule, retryDelay } from './retries.ts';
import type { SendResult, Sender } from './sender.ts';
import type { WebhookMetrics } from './webhook-metrics.ts';

/** Requests to one endpoint at a time. */
const MAX_IN_FLIGHT = 8;
/** Partitions that are read at a time. */
const MAX_READING = 8;
const PAGE = 50;
/** Whatever a `Retry-After` asks for. */
const SHORTEST_WAIT_MS = 1_000;
/** When Redis does not answer. */
const REDIS_RETRY_MS = 1_000;
/** The longest wait of setTimeout is 24 days, and times are looked at again all the same. */
const LONGEST_WAIT_MS = 60_000;

export interface DeliveringDeps {
  readonly broker: WebhookBroker;
  readonly sender: Pick<Sender, 'send'>;
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
  /** By the name of each: they wait for their next try. */
  readonly #waiting = new Map<string, Delivery>();
  readonly #inFlight = new Set<Delivery>();
  readonly #reading = new Set<string>();
  readonly #aborted = new AbortController();
  readonly #idle = new Set<() => void>();
  #endpoint: WebhookEndpoint;
  #delivered: number;
  #disabled: string | null;
  #pausedUntil: number;
  /** Waits until nothing is under way. */
  #replay: string | null = null;
  /** Requests that are done, and of which Redis may not know yet that they are. */
  readonly #handled: { enable?: string; replay?: string } = {};
  #stopping = false;
  #isFailing = false;
  /** Since when events are gathered for a batch; null when there are none. */
  #gatheredSince: number | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(endpoint: WebhookEndpoint, token: string, { state, cursors, deliveries }: Found, deps: DeliveringDeps) {
    this.#endpoint = endpoint;
    this.#deps = deps;
    this.backlog = new Backlog(state.begins, cursors);
    this.#changes = new Changes(deps.broker, { id: endpoint.id, token, takeMoved: () => this.backlog.takeMoved() });
    this.#delivered = state.delivered;
    this.#disabled = state.disabled;
    this.#pausedUntil = state.pausedUntil ?? 0;
    for (const [name, text] of deliveries) {
      const delivery = decodeDelivery(name, text);
      this.#waiting.set(name, delivery);
      this.backlog.resume(delivery.places);
    }
    this.#isFailing = [...this.#waiting.values()].some(({ tries }) => tries > 0);
  }

  /** When the oldest event happened that is not delivered, as far as is known; null when there is none. */
  oldest(): number | null {
    const deliveries = [...this.#waiting.values(), ...this.#inFlight].map(oldestOf);
    const times = [this.backlog.oldest() ?? Infinity, ...deliveries];
    const oldest = Math.min(...times);
    return oldest === Infinity ? null : oldest;
  }

  isDisabled(): boolean {
    return this.#disabled !== null;
  }

  /** The endpoint as the file has it by now. */
  update(endpoint: WebhookEndpoint): void {
    const { types, topics } = this.#endpoint;
    this.#endpoint = endpoint;
    if (JSON.stringify([types, topics]) !== JSON.stringify([endpoint.types, endpoint.topics])) this.backlog.refilter();
    this.pump();
  }

  /** The lease was renewed: what operators ask for is done, and what there is is written. */
  async onRenewed({ enable, replay }: Pick<WebhookState, 'enable' | 'replay'>): Promise<void> {
    if (enable !== null && enable !== this.#handled.enable) this.#enable(enable);
    if (replay !== null && replay !== this.#handled.replay) this.#replay = replay;
    this.#changes.state({ oldest: String(this.oldest() ?? '') });
    this.pump();
    await this.#changes.flush();
  }

  /** Redis knows nothing any more: all that is known here is written anew. */
  async restore(): Promise<void> {
    this.backlog.markAllMoved();
    for (const delivery of this.#waiting.values()) this.#changes.delivery(delivery.name, encodeDelivery(delivery));
    this.#changes.state({
      begins: String(this.backlog.begins),
      delivered: String(this.#delivered),
      disabled: this.#disabled ?? '',
      pausedUntil: this.#pausedUntil === 0 ? '' : String(this.#pausedUntil),
    });
    await this.#changes.flush();
  }

  /** Does what can be done now, and comes back when there is more. */
  readonly pump = (): void => {
    clearTimeout(this.#timer);
    if (this.#stopping) return;
    if (this.#replay !== null && this.#inFlight.size === 0) this.#rewind(this.#replay);
    if (this.#maySend()) {
      const now = Date.now();
      for (const delivery of this.#waiting.values()) {
        if (this.#inFlight.size < MAX_IN_FLIGHT && delivery.next <= now) this.#start(delivery);
      }
      while (this.#inFlight.size < MAX_IN_FLIGHT) {
        const events = this.#gather();
        if (events.length === 0) break;
        this.#start(newDelivery(events, { isBatch: this.#endpoint.batch !== undefined }));
      }
      this.#read();
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
    clearTimeout(this.#timer);
  }

  #maySend(): boolean {
    const isReplaying = this.#replay !== null;
    return (
      !this.#stopping &&
      !isReplaying &&
      !this.isDisabled() &&
      Date.now() >= this.#pausedUntil &&
      this.#deps.holdsLease()
    );
  }

  /** Until something is due. */
  #waitMs(): number {
    const now = Date.now();
    let wait = LONGEST_WAIT_MS;
    if (!this.#maySend()) return Math.min(wait, Math.max(this.#pausedUntil - now, REDIS_RETRY_MS));
    if (this.#inFlight.size >= MAX_IN_FLIGHT) return wait;
    for (const { next } of this.#waiting.values()) wait = Math.min(wait, next - now);
    const { batch } = this.#endpoint;
    if (batch !== undefined && this.#gatheredSince !== null) {
      wait = Math.min(wait, this.#gatheredSince + batch.ms - performance.now());
    }
    return Math.max(Math.ceil(wait), 1);
  }

  /** The events of the next delivery; none when there are none, or more may still join a batch. */
  #gather(): StoredEvent[] {
    const { batch } = this.#endpoint;
    if (batch === undefined) return this.backlog.take(1);
    const ready = this.backlog.readyEvents(batch.size);
    if (ready === 0) {
      this.#gatheredSince = null;
      return [];
    }
    this.#gatheredSince ??= performance.now();
    if (ready < batch.size && performance.now() - this.#gatheredSince < batch.ms) return [];
    const events = this.backlog.take(batch.size);
    this.#gatheredSince = null;
    return events;
  }

  #start(delivery: Delivery): void {
    this.#waiting.delete(delivery.name);
    this.#inFlight.add(delivery);
    this.#attempt(delivery)
      .catch((error: unknown) => this.#onAttemptFailed(delivery, error))
      .finally(() => {
        this.#inFlight.delete(delivery);
        if (this.#inFlight.size === 0) for (const resolve of this.#idle) resolve();
        this.pump();
      });
  }

  async #attempt(delivery: Delivery): Promise<void> {
    const { broker, sender } = this.#deps;
    if (delivery.batchId !== null && !delivery.isStored) {
      this.#changes.delivery(delivery.name, encodeDelivery(delivery));
      if (!(await this.#changes.flush())) return;
      delivery.isStored = true;
    }
    const found = delivery.events ?? (await broker.readEvents(delivery.places));
    const events = found.filter((event) => event !== null);
    if (events.length < delivery.places.length) return this.#onMissing(delivery, events);
    const shown = await publicEvents(events, broker.refsOf);
    const [first] = shown;
    if (first === undefined) return;
    // Reading may have taken longer than the lease.
    if (this.#stopping || !this.#deps.holdsLease()) return this.#wait(delivery, Date.now());
    const outgoing = delivery.batchId === null ? singleRequest(first) : batchRequest(delivery.batchId, shown);
    const { id } = this.#endpoint;
    const attempt = { endpoint: id, events: events.length, attempt: delivery.tries + 1 };
    const result = await traceWebhook(attempt, async (span) => {
      const given = await sender.send(
        this.#endpoint,
        { ...outgoing, traceparent: span.traceparent },
        this.#aborted.signal,
      );
      span.set({
        'holdfast.outcome': given.outcome,
        ...(given.status !== null && { 'http.response.status_code': given.status }),
      });
      return given;
    });
    if (this.#aborted.signal.aborted) return;
    this.#deps.metrics.deliveries.inc({ endpoint: id, outcome: result.outcome });
    if (delivery.tries > 0) this.#deps.metrics.retries.inc({ endpoint: id });
    if (result.outcome === 'delivered') this.#onDelivered(delivery);
    else this.#onFailed(delivery, result);
  }

  #onAttemptFailed(delivery: Delivery, error: unknown): void {
    if (!(error instanceof RedisUnavailable)) {
      this.#deps.logger.error({ err: error, endpoint: this.#endpoint.id }, 'a webhook could not be made');
    }
    this.#wait(delivery, Date.now() + REDIS_RETRY_MS);
  }

  #onDelivered(delivery: Delivery): void {
    const { metrics, logger } = this.#deps;
    const { id } = this.#endpoint;
    this.backlog.settle(delivery.places);
    if (delivery.isStored) this.#changes.delivery(delivery.name, null);
    this.#delivered += delivery.places.length;
    metrics.events.inc({ endpoint: id }, delivery.places.length);
    this.#changes.state({ delivered: String(this.#delivered), lastDelivered: String(Date.now()) });
    if (this.#isFailing && !this.#countFailing()) {
      this.#isFailing = false;
      logger.info({ endpoint: id }, 'the endpoint takes webhooks again');
    }
    this.#flushSoon();
  }

  #onFailed(delivery: Delivery, result: SendResult): void {
    const { retries, logger } = this.#deps;
    const { id } = this.#endpoint;
    const { outcome, status, message, retryAfterMs } = result;
    const now = Date.now();
    delivery.tries += 1;
    delivery.since ??= now;
    if (!this.#isFailing)
      logger.warn({ endpoint: id, outcome, status, reason: message }, 'the endpoint takes no webhook');
    this.#isFailing = true;
    this.#changes.state({ lastError: JSON.stringify({ at: now, outcome, status, message }) });
    if (retryAfterMs !== null) this.#pause(now + retryAfterMs);
    const wait = retryAfterMs === null ? retryDelay(retries, delivery.tries) : Math.max(retryAfterMs, SHORTEST_WAIT_MS);
    this.#wait(delivery, now + wait);
    if (outcome === 'gone') this.#disable('gone');
    else if (now - delivery.since >= retries.giveUpMs) this.#disable('failing');
  }

  /** Some of its events are not kept any more: the others are delivered anew. */
  async #onMissing(delivery: Delivery, left: readonly StoredEvent[]): Promise<void> {
    const { broker, metrics, logger } = this.#deps;
    const { id } = this.#endpoint;
    const dropped = delivery.places.length - left.length;
    await broker.countDropped(id, dropped);
    this.#changes.delivery(delivery.name, null);
    metrics.dropped.inc({ endpoint: id }, dropped);
    logger.error({ endpoint: id, dropped }, 'events are gone that were not delivered');
    if (left.length > 0) this.#wait({ ...newDelivery(left, { isBatch: delivery.batchId !== null }) }, 0);
    const kept = new Set(left.map(({ partition }) => partition));
    this.backlog.settle(delivery.places.filter(({ partition }) => !kept.has(partition)));
  }

  #wait(delivery: Delivery, next: number): void {
    delivery.next = next;
    delivery.events = null;
    delivery.isStored = true;
    this.#waiting.set(delivery.name, delivery);
    this.backlog.block(delivery.places);
    this.#changes.delivery(delivery.name, encodeDelivery(delivery));
    this.#flushSoon();
  }

  #pause(until: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, until);
    this.#changes.state({ pausedUntil: String(this.#pausedUntil) });
  }

  #disable(reason: DisabledReason): void {
    if (this.isDisabled()) return;
    this.#disabled = `${reason} ${Date.now()}`;
    this.#changes.state({ disabled: this.#disabled });
    this.#deps.logger.error({ endpoint: this.#endpoint.id, reason }, 'the endpoint of webhooks is disabled');
  }

  /** All that waits is tried at once, as if it had not been tried yet. */
  #enable(request: string): void {
    this.#disabled = null;
    this.#pausedUntil = 0;
    for (const delivery of this.#waiting.values()) {
      Object.assign(delivery, { tries: 0, since: null, next: 0 });
      this.#changes.delivery(delivery.name, encodeDelivery(delivery));
    }
    this.#changes.state({ disabled: '', pausedUntil: '' });
    this.#handled.enable = request;
    this.#changes.done('enable', request);
    this.#deps.logger.info({ endpoint: this.#endpoint.id }, 'the endpoint of webhooks is enabled');
  }

  /** @param request begins with the time from which on all is sent again */
  #rewind(request: string): void {
    const since = Number.parseInt(request, 10);
    for (const { name } of this.#waiting.values()) this.#changes.delivery(name, null);
    this.#waiting.clear();
    this.backlog.rewind(since);
    this.#changes.state({ begins: String(this.backlog.begins) });
    this.#handled.replay = request;
    this.#changes.done('replay', request);
    this.#replay = null;
    this.#deps.logger.info(
      { endpoint: this.#endpoint.id, since: new Date(since).toISOString() },
      'webhooks are replayed',
    );
    this.#flushSoon();
  }

  #countFailing(): number {
    return [...this.#waiting.values()].filter(({ tries }) => tries > 0).length;
  }

  #read(): void {
    while (this.#reading.size < MAX_READING) {
      const next = this.backlog.nextToRead();
      if (next === null) return;
      this.#reading.add(next.name);
      void this.#readPartition(next.name, next.after);
    }
  }

  async #readPartition(name: string, after: string): Promise<void> {
    try {
      const page = await this.#deps.broker.readAfter(name, after, PAGE);
      this.backlog.add(name, after, page, (event) => isFor(this.#endpoint, event));
      this.#reading.delete(name);
      this.pump();
    } catch (error) {
      this.#reading.delete(name);
      this.backlog.readFailed(name);
      if (error instanceof RedisUnavailable) return;
      this.#deps.logger.error({ err: error, endpoint: this.#endpoint.id }, 'events could not be read');
    }
  }

  #flushSoon(): void {
    this.#changes.state({ failing: String(this.#countFailing()) });
    // What is not written is written when the lease is renewed.
    this.#changes.flush().catch(() => undefined);
  }
}
