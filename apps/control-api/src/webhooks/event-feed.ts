import type { PartitionSize } from '@holdfast/broker/event-reader';
import type { WebhookBroker } from '@holdfast/broker/webhook-broker';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { repeat } from '@holdfast/service/backoff';
import type { Logger } from '@holdfast/service/logger';

/** What is written is seen this late, beside what its writer gathers. */
const CHANGES_MS = 100;
const SWEEP_MS = 1_000;
/** On a Cluster a round through all partitions takes so many sweeps: its partitions are many, and read one by one. */
const SWEEPS_A_ROUND = 30;
/** So few are all looked at in each sweep. */
const FEW_PARTITIONS = 256;

export interface FeedListener {
  /** The partition may have events. */
  onChanged(name: string): void;
  /** A partition's last event; null: none is known that ever was. */
  onEnd(name: string, last: string | null): void;
}

type Reader = Pick<WebhookBroker, 'count' | 'changedSince' | 'endOf'>;

/**
 * Finds out which partitions have events. Notes of writers make it quick; that nothing is missed rests on a look at every
 * partition by and by. Without a listener it asks nothing.
 */
export class EventFeed {
  readonly #broker: Reader;
  readonly #listeners = new Set<FeedListener>();
  /** Partitions that had events. */
  readonly #known = new Set<string>();
  readonly #sizes = new Map<string, PartitionSize>();
  readonly #onRound: (sizes: ReadonlyMap<string, PartitionSize>) => Promise<void>;
  readonly #stops: (() => void)[];
  #since = 0;
  #next = 0;

  /** @param onRound called with the sizes of those that have events, when all partitions were looked at */
  constructor(
    broker: Reader,
    { logger, onRound }: { logger: Logger; onRound: (sizes: ReadonlyMap<string, PartitionSize>) => Promise<void> },
  ) {
    this.#broker = broker;
    this.#onRound = onRound;
    const onError = (error: unknown): void => {
      if (!(error instanceof RedisUnavailable)) logger.error({ err: error }, 'events could not be looked for');
    };
    this.#stops = [
      repeat(() => this.#readChanges(), { intervalMs: CHANGES_MS, onError }),
      repeat(() => this.#sweep(), { intervalMs: SWEEP_MS, jitter: 0.1, onError }),
    ];
  }

  /** Calls back for every partition that is known to have had events, and from then on. */
  listen(listener: FeedListener): () => void {
    this.#listeners.add(listener);
    for (const name of this.#known) listener.onChanged(name);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  async #readChanges(): Promise<void> {
    if (this.#listeners.size === 0) return;
    const changed = await this.#broker.changedSince(this.#since);
    // What is noted in the ms that was read last comes with the next call, which is in a later ms: then it is complete.
    const latest = changed.reduce((time, { at }) => Math.max(time, at), 0);
    this.#since = latest > this.#since ? latest : this.#since + (changed.length > 0 ? 1 : 0);
    for (const { name } of changed) {
      this.#known.add(name);
      for (const listener of this.#listeners) listener.onChanged(name);
    }
  }

  async #sweep(): Promise<void> {
    if (this.#listeners.size === 0) return;
    const { count } = this.#broker;
    const size = count <= FEW_PARTITIONS ? count : Math.ceil(count / SWEEPS_A_ROUND);
    const numbers = Array.from({ length: Math.min(size, count - this.#next) }, (_, index) => this.#next + index);
    const looks = await Promise.allSettled(numbers.map((number) => this.#lookAt(String(number))));
    // A node of a Cluster that is away holds up no partition of another: its own are looked at again with the next round.
    this.#next = (this.#next + numbers.length) % count;
    if (this.#next === 0) await this.#onRound(this.#sizes);
    const failed = looks.find((look) => look.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #lookAt(name: string): Promise<void> {
    const { length, bytes, last } = await this.#broker.endOf(name);
    if (length === 0) this.#sizes.delete(name);
    else this.#sizes.set(name, { length, bytes });
    for (const listener of this.#listeners) listener.onEnd(name, last);
  }
}
