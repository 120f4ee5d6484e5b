import type { StoredEvent } from '@holdfast/broker/stored-event';
import type { WebhookEndpoint } from '@holdfast/protocol/webhooks-file';
import type { Backlog } from './backlog.ts';

type Batch = WebhookEndpoint['batch'];

/** Puts together the events of the next delivery: one, or a batch, which others may join for a while. */
export class Gathering {
  readonly #backlog: Pick<Backlog, 'readyEvents' | 'take'>;
  /** Since when there are events for a batch; null when there are none. */
  #since: number | null = null;

  constructor(backlog: Pick<Backlog, 'readyEvents' | 'take'>) {
    this.#backlog = backlog;
  }

  /** None when there are none, or more may still join the batch. */
  take(batch: Batch): StoredEvent[] {
    if (batch === undefined) return this.#backlog.take(1);
    const ready = this.#backlog.readyEvents(batch.size);
    if (ready === 0) {
      this.#since = null;
      return [];
    }
    this.#since ??= performance.now();
    if (ready < batch.size && this.dueMs(batch) > 0) return [];
    this.#since = null;
    return this.#backlog.take(batch.size);
  }

  /** Until a batch is due that is not full; Infinity when there is none. */
  dueMs(batch: Batch): number {
    if (batch === undefined || this.#since === null) return Infinity;
    return this.#since + batch.ms - performance.now();
  }
}
