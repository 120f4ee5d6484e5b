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

  /** No events when there are none, or more may still join the batch; and whether some waited for others. */
  take(batch: Batch): { events: StoredEvent[]; hasWaited: boolean } {
    if (batch === undefined) return { events: this.#backlog.take(1), hasWaited: false };
    const ready = this.#backlog.readyEvents(batch.size);
    const hasWaited = this.#since !== null;
    if (ready === 0) {
      this.#since = null;
      return { events: [], hasWaited };
    }
    this.#since ??= performance.now();
    if (ready < batch.size && this.dueMs(batch) > 0) return { events: [], hasWaited };
    this.#since = null;
    return { events: this.#backlog.take(batch.size), hasWaited };
  }

  /** Until a batch is due that is not full; Infinity when there is none. */
  dueMs(batch: Batch): number {
    if (batch === undefined || this.#since === null) return Infinity;
    return this.#since + batch.ms - performance.now();
  }
}
