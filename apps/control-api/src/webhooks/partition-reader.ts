import type { StoredEvent } from '@holdfast/broker/stored-event';
import type { WebhookBroker } from '@holdfast/broker/webhook-broker';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import type { Backlog } from './backlog.ts';

/** Partitions that are read at a time. */
const MAX_READING = 8;
/** Until a partition is read again that could not be: its node of a Cluster is away. */
const REST_MS = 1_000;

export interface ReaderDeps {
  readonly broker: Pick<WebhookBroker, 'readAfter' | 'endOf'>;
  readonly isWanted: (event: StoredEvent) => boolean;
  /** There may be events to deliver, and room to read on. */
  readonly onRead: () => void;
  /** Redis has lost events of the partition that were read: it is read again from before. */
  readonly onSetBack: (name: string) => void;
  readonly onError: (error: unknown) => void;
}

/** Fills the backlog of an endpoint from the partitions that have events for it, as far as there is room. */
export class PartitionReader {
  readonly #backlog: Backlog;
  readonly #deps: ReaderDeps;
  readonly #reading = new Set<string>();
  readonly #resting = new Set<NodeJS.Timeout>();

  constructor(backlog: Backlog, deps: ReaderDeps) {
    this.#backlog = backlog;
    this.#deps = deps;
  }

  /** Begins to read what there is to read. */
  read(): void {
    while (this.#reading.size < MAX_READING) {
      const next = this.#backlog.nextToRead();
      if (next === null) return;
      this.#reading.add(next.name);
      void this.#readPartition(next);
    }
  }

  /** Nothing more is read again. */
  stop(): void {
    for (const timer of this.#resting) clearTimeout(timer);
  }

  async #readPartition({ name, after, count }: { name: string; after: string; count: number }): Promise<void> {
    const { broker, isWanted, onRead, onSetBack, onError } = this.#deps;
    try {
      const page = await broker.readAfter(name, after, count);
      this.#backlog.add(name, after, page, isWanted);
      if (page.last === null) {
        const { last } = await broker.endOf(name);
        if (this.#backlog.setBack(name, after, last)) onSetBack(name);
      }
      this.#reading.delete(name);
      onRead();
    } catch (error) {
      this.#reading.delete(name);
      this.#rest(name);
      if (!(error instanceof RedisUnavailable)) onError(error);
      onRead();
    }
  }

  #rest(name: string): void {
    this.#backlog.readFailed(name);
    const timer = setTimeout(() => {
      this.#resting.delete(timer);
      this.#backlog.rested(name);
      this.#deps.onRead();
    }, REST_MS);
    this.#resting.add(timer.unref());
  }
}
