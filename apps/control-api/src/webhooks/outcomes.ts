import { type StoredEvent, isBefore, timeOf } from '@holdfast/broker/stored-event';
import type { WebhookBroker } from '@holdfast/broker/webhook-broker';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import type { Logger } from '@holdfast/service/logger';
import type { Backlog } from './backlog.ts';
import type { Changes } from './changes.ts';
import { type Delivery, type Place, divide, newDelivery } from './delivery.ts';
import type { EndpointHealth } from './endpoint-health.ts';
import { type RetrySchedule, retryDelay } from './retries.ts';
import type { SendResult } from './sender.ts';
import type { WaitingDeliveries } from './waiting.ts';
import type { WebhookMetrics } from './webhook-metrics.ts';

/** Whatever a `Retry-After` asks for. */
const SHORTEST_WAIT_MS = 1_000;
const TOO_MANY_REQUESTS = 429;
/** When Redis does not answer. */
export const REDIS_RETRY_MS = 1_000;

export interface OutcomeDeps {
  /** Of the endpoint. */
  readonly id: string;
  readonly backlog: Backlog;
  readonly changes: Changes;
  readonly waiting: WaitingDeliveries;
  readonly health: EndpointHealth;
  readonly broker: Pick<WebhookBroker, 'countDropped' | 'endOf'>;
  readonly retries: RetrySchedule;
  readonly metrics: WebhookMetrics;
  readonly logger: Logger;
}

/** What follows from each try of a delivery. */
export class Outcomes {
  readonly #deps: OutcomeDeps;
  /** ms since 1970 */
  #forgottenAt = -Infinity;

  constructor(deps: OutcomeDeps) {
    this.#deps = deps;
  }

  /** Redis has lost its data: what happened before is gone, and not counted elsewhere. */
  onForgotten(): void {
    this.#forgottenAt = Date.now();
  }

  /** The endpoint has answered, or has not in time. */
  onSent(delivery: Delivery, result: SendResult, events: readonly StoredEvent[]): void {
    const { id, metrics } = this.#deps;
    metrics.deliveries.inc({ endpoint: id, outcome: result.outcome });
    if (delivery.tries > 0) metrics.retries.inc({ endpoint: id });
    if (result.outcome === 'delivered') this.#onDelivered(delivery);
    else this.#onRefused(delivery, result, events);
  }

  /** Some of its events are not kept any more: the others are delivered anew. Rejects with RedisUnavailable. */
  async onMissing(delivery: Delivery, left: readonly StoredEvent[]): Promise<void> {
    const { id, backlog, changes, broker, metrics, logger } = this.#deps;
    const found = new Set(left.map(nameOfPlace));
    const gone = delivery.places.filter((place) => !found.has(nameOfPlace(place)));
    const uncounted = await this.#countLost(gone);
    if (uncounted > 0) await broker.countDropped(id, uncounted);
    changes.delivery(delivery.name, null);
    metrics.dropped.inc({ endpoint: id }, uncounted);
    logger.error({ endpoint: id, dropped: gone.length }, 'events are gone that were not delivered');
    if (left.length > 0) this.wait(newDelivery(left, { isBatch: delivery.batchId !== null }), 0);
    const kept = new Set(left.map(({ partition }) => partition));
    backlog.settle(delivery.places.filter(({ partition }) => !kept.has(partition)));
  }

  /** It could not be tried. */
  onError(delivery: Delivery, error: unknown): void {
    const { id, logger } = this.#deps;
    if (!(error instanceof RedisUnavailable)) {
      logger.error({ err: error, endpoint: id }, 'a webhook could not be made');
    }
    this.wait(delivery, Date.now() + REDIS_RETRY_MS);
  }

  /** @param next when it may be tried, in ms since 1970 */
  wait(delivery: Delivery, next: number): void {
    this.#deps.waiting.add(delivery, next);
    this.flushSoon();
  }

  flushSoon(): void {
    const { changes, waiting } = this.#deps;
    changes.state({ failing: String(waiting.countFailing()) });
    // What is not written is written when the lease is renewed.
    changes.flush().catch(() => undefined);
  }

  /**
   * Of events that are gone, how many Redis has lost. Others were removed because there were too many, and whoever removes
   * events counts those that an endpoint has not got.
   */
  async #countLost(gone: readonly Place[]): Promise<number> {
    const isLost = await Promise.all(
      gone.map(async ({ partition, position }) => {
        if (timeOf(position) < this.#forgottenAt) return true;
        const { last } = await this.#deps.broker.endOf(partition);
        return last === null || isBefore(last, position);
      }),
    );
    return isLost.filter(Boolean).length;
  }

  #onDelivered(delivery: Delivery): void {
    const { backlog, changes, waiting, health, retries } = this.#deps;
    waiting.hasten(Date.now(), retries.backMs);
    backlog.settle(delivery.places);
    if (delivery.isStored) changes.delivery(delivery.name, null);
    health.onDelivered(delivery.places.length, waiting.countFailing());
    this.flushSoon();
  }

  #onRefused(delivery: Delivery, result: SendResult, events: readonly StoredEvent[]): void {
    const { changes, waiting, health, retries } = this.#deps;
    const { outcome, retryAfterMs } = result;
    const now = Date.now();
    delivery.tries += 1;
    delivery.since ??= now;
    delivery.failed = now;
    health.onFailed(result, now);
    const parts = isAboutContent(result, delivery.tries) ? divide(delivery, events) : [delivery];
    if (parts.length > 1) changes.delivery(delivery.name, null);
    for (const part of parts) {
      const wait = retryAfterMs === null ? retryDelay(retries, part.tries) : Math.max(retryAfterMs, SHORTEST_WAIT_MS);
      waiting.add(part, now + wait);
    }
    this.flushSoon();
    if (outcome === 'gone') health.disable('gone');
    else if (now - delivery.since >= retries.giveUpMs) health.disable('failing');
  }
}

/** Whether it may be for what is in a request that it failed: it was refused, or twice ended without an answer. */
function isAboutContent({ outcome, status, retryAfterMs }: SendResult, tries: number): boolean {
  if (outcome === 'refused') return status !== TOO_MANY_REQUESTS && retryAfterMs === null;
  return (outcome === 'time-out' || outcome === 'unreachable') && tries >= 2;
}

function nameOfPlace({ partition, position }: Place): string {
  return `${partition}-${position}`;
}
