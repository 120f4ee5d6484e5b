import { randomUUID } from 'node:crypto';
import type { WebhookBroker } from '@holdfast/broker/webhook-broker';
import type { WebhookEndpoint } from '@holdfast/protocol/webhooks-file';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { repeat } from '@holdfast/service/backoff';
import type { Logger } from '@holdfast/service/logger';
import { Delivering } from './delivering.ts';
import type { EventFeed } from './event-feed.ts';
import type { RetrySchedule } from './retries.ts';
import type { Sender } from './sender.ts';
import type { FindApp } from './signature.ts';
import type { WebhookMetrics } from './webhook-metrics.ts';

const RENEW_MS = 1_000;
const MS_PER_SECOND = 1_000;
/** Less than the lease, by what clocks may drift in that time. */
const SAFE_LEASE_MS = 8_000;
/** A shutdown waits no longer for answers of a receiver. */
const DRAIN_MS = 5_000;

export interface RunnerDeps {
  readonly broker: WebhookBroker;
  readonly sender: Sender;
  readonly findApp: FindApp;
  readonly feed: EventFeed;
  readonly retries: RetrySchedule;
  readonly metrics: WebhookMetrics;
  readonly logger: Logger;
  /** Redis has lost its data. */
  readonly onForgotten: () => void;
}

/** Delivers to one endpoint whenever this process has its lease, and tries to get it when another one ends. */
export class EndpointRunner {
  readonly #token = randomUUID();
  readonly #deps: RunnerDeps;
  #endpoint: WebhookEndpoint;
  #delivering: Delivering | null = null;
  #stopListening = (): void => undefined;
  readonly #stopRenewing: () => void;
  #renewing: Promise<void> = Promise.resolve();
  #leaseUntil = -Infinity;
  #stopped = false;

  constructor(endpoint: WebhookEndpoint, deps: RunnerDeps) {
    this.#endpoint = endpoint;
    this.#deps = deps;
    this.#stopRenewing = repeat(this.renew, { intervalMs: RENEW_MS, jitter: 0.1, onError: () => undefined });
    void this.renew();
  }

  get id(): string {
    return this.#endpoint.id;
  }

  /** The endpoint is delivered to from here, and disabled. */
  isDisabled(): boolean {
    return this.#delivering?.isDisabled() ?? false;
  }

  update(endpoint: WebhookEndpoint): void {
    this.#endpoint = endpoint;
    this.#delivering?.update(endpoint);
  }

  /** Renews the lease, and does what operators asked for. Never rejects. */
  readonly renew = (): Promise<void> => {
    this.#renewing = this.#renewing.then(() => this.#renewOnce()).catch((error: unknown) => this.#onError(error));
    return this.#renewing;
  };

  /** Ends what is under way, and lets another process take over at once. Never rejects. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopRenewing();
    await this.#renewing;
    const delivering = this.#delivering;
    if (delivering === null) return;
    try {
      await delivering.drain(DRAIN_MS);
      await this.#deps.broker.releaseWebhook(this.id, this.#token);
    } catch (error) {
      this.#onError(error);
    }
    this.#end();
  }

  async #renewOnce(): Promise<void> {
    if (this.#stopped) return;
    const askedAt = performance.now();
    const lease = await this.#deps.broker.leaseWebhook(this.id, this.#token);
    if (lease.kind === 'held-by-other') return this.#lose();
    if (lease.kind === 'taken') this.#lose();
    this.#leaseUntil = askedAt + SAFE_LEASE_MS;
    if (this.#delivering === null) {
      await this.#begin(lease.state);
    } else if (lease.kind === 'forgotten') {
      this.#deps.logger.warn({ endpoint: this.id }, 'Redis has forgotten how far webhooks are: it is written anew');
      this.#deps.onForgotten();
      await this.#delivering.restore();
    }
    await this.#delivering?.onRenewed(lease.state);
    this.#observe();
  }

  async #begin(state: ConstructorParameters<typeof Delivering>[2]['state']): Promise<void> {
    const { broker, feed, logger } = this.#deps;
    const [cursors, deliveries] = await Promise.all([broker.readCursors(this.id), broker.readDeliveries(this.id)]);
    const delivering = new Delivering(
      this.#endpoint,
      this.#token,
      { state, cursors, deliveries },
      { ...this.#deps, holdsLease: () => performance.now() < this.#leaseUntil },
    );
    this.#delivering = delivering;
    this.#stopListening = feed.listen({
      onChanged: (name) => {
        delivering.backlog.markChanged(name);
        delivering.pump();
      },
      onEnd: (name, last) => {
        if (delivering.backlog.markEnd(name, last)) delivering.pump();
      },
    });
    logger.info({ endpoint: this.id }, 'webhooks are delivered from here');
  }

  /** Another process has the lease. */
  #lose(): void {
    if (this.#delivering === null) return;
    this.#delivering.abandon();
    this.#deps.logger.warn({ endpoint: this.id }, 'another control-api delivers webhooks by now');
    this.#end();
  }

  #end(): void {
    this.#stopListening();
    this.#delivering = null;
    this.#leaseUntil = -Infinity;
    this.#deps.metrics.lag.remove({ endpoint: this.id });
  }

  #observe(): void {
    const oldest = this.#delivering?.oldest() ?? null;
    const lagMs = oldest === null ? 0 : Math.max(0, Date.now() - oldest);
    this.#deps.metrics.lag.set({ endpoint: this.id }, lagMs / MS_PER_SECOND);
  }

  #onError(error: unknown): void {
    // The connection has logged already that Redis is away.
    if (error instanceof RedisUnavailable) return;
    this.#deps.logger.error({ err: error, endpoint: this.id }, 'the lease of a webhook could not be renewed');
  }
}
