import type { WebhookState } from '@holdfast/broker/webhook-state';
import type { DisabledReason } from '@holdfast/protocol/rest/webhooks';
import type { Logger } from '@holdfast/service/logger';
import type { Changes } from './changes.ts';
import type { SendResult } from './sender.ts';
import type { WebhookMetrics } from './webhook-metrics.ts';

export interface HealthDeps {
  readonly id: string;
  readonly changes: Changes;
  readonly metrics: WebhookMetrics;
  readonly logger: Logger;
  /** Some delivery waits that has failed. */
  readonly isFailing: boolean;
}

/** How an endpoint takes what is sent to it: whether it fails, is paused or disabled. Written down, counted and logged. */
export class EndpointHealth {
  readonly #deps: HealthDeps;
  #delivered: number;
  /** ms since 1970 */
  #lastDelivered: number | null;
  /** JSON */
  #lastError: string | null;
  #disabled: string | null;
  /** ms since 1970 */
  #pausedUntil: number;
  #isFailing: boolean;

  constructor({ delivered, lastDelivered, lastError, disabled, pausedUntil }: WebhookState, deps: HealthDeps) {
    this.#deps = deps;
    this.#delivered = delivered;
    this.#lastDelivered = lastDelivered;
    this.#lastError = lastError;
    this.#disabled = disabled;
    this.#pausedUntil = pausedUntil ?? 0;
    this.#isFailing = deps.isFailing;
  }

  get pausedUntil(): number {
    return this.#pausedUntil;
  }

  isDisabled(): boolean {
    return this.#disabled !== null;
  }

  /** @param failing deliveries that wait and have failed */
  onDelivered(events: number, failing: number): void {
    const { id, changes, metrics, logger } = this.#deps;
    this.#delivered += events;
    metrics.events.inc({ endpoint: id }, events);
    this.#lastDelivered = Date.now();
    changes.state({ delivered: String(this.#delivered), lastDelivered: String(this.#lastDelivered) });
    if (!this.#isFailing || failing > 0) return;
    this.#isFailing = false;
    logger.info({ endpoint: id }, 'the endpoint takes webhooks again');
  }

  onFailed({ outcome, status, message, retryAfterMs }: SendResult, now: number): void {
    const { id, changes, logger } = this.#deps;
    if (!this.#isFailing)
      logger.warn({ endpoint: id, outcome, status, reason: message }, 'the endpoint takes no webhook');
    this.#isFailing = true;
    this.#lastError = JSON.stringify({ at: now, outcome, status, message });
    changes.state({ lastError: this.#lastError });
    if (retryAfterMs === null) return;
    this.#pausedUntil = Math.max(this.#pausedUntil, now + retryAfterMs);
    changes.state({ pausedUntil: String(this.#pausedUntil) });
  }

  disable(reason: DisabledReason): void {
    const { id, changes, logger } = this.#deps;
    if (this.isDisabled()) return;
    this.#disabled = `${reason} ${Date.now()}`;
    changes.state({ disabled: this.#disabled });
    logger.error({ endpoint: id, reason }, 'the endpoint of webhooks is disabled');
  }

  enable(): void {
    const { id, changes, logger } = this.#deps;
    this.#disabled = null;
    this.#pausedUntil = 0;
    changes.state({ disabled: '', pausedUntil: '' });
    logger.info({ endpoint: id }, 'the endpoint of webhooks is enabled');
  }

  /** All of it is to be written down anew. */
  write(): void {
    this.#deps.changes.state({
      delivered: String(this.#delivered),
      lastDelivered: String(this.#lastDelivered ?? ''),
      lastError: this.#lastError ?? '',
      disabled: this.#disabled ?? '',
      pausedUntil: this.#pausedUntil === 0 ? '' : String(this.#pausedUntil),
    });
  }
}
