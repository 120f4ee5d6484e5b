import { type MetricsSnapshot, type MetricsText, counted, mergedText } from '@holdfast/service/metrics';
import type { WorkerProcess } from './worker-process.ts';

/** A worker that is busy for longer is counted as it was at the last scrape. */
const TIMEOUT_MS = 1000;

interface Round {
  readonly waitsFor: Set<WorkerProcess>;
  readonly done: () => void;
}

/**
 * The metrics of all workers as one. Whatever happens to a worker, counters do not fall: one that does not answer is
 * taken as it was last, and of one that has ended the counters stay.
 */
export class Scrapes {
  readonly #workers: () => Iterable<WorkerProcess>;
  readonly #own: () => Promise<MetricsSnapshot>;
  readonly #timeoutMs: number;
  readonly #last = new Map<WorkerProcess, MetricsSnapshot>();
  readonly #rounds = new Map<number, Round>();
  #ended: Promise<MetricsSnapshot> = Promise.resolve([]);
  #roundsSoFar = 0;

  /**
   * @param workers those that listen now
   * @param own what the parent itself counts
   */
  constructor(
    workers: () => Iterable<WorkerProcess>,
    own: () => Promise<MetricsSnapshot>,
    { timeoutMs = TIMEOUT_MS }: { timeoutMs?: number } = {},
  ) {
    this.#workers = workers;
    this.#own = own;
    this.#timeoutMs = timeoutMs;
  }

  /** Asks every worker that listens, and merges the answers. */
  async text(): Promise<MetricsText> {
    const round = (this.#roundsSoFar += 1);
    const waitsFor = new Set(this.#workers());
    const all = Promise.withResolvers<void>();
    const timer = setTimeout(all.resolve, this.#timeoutMs);
    this.#rounds.set(round, { waitsFor, done: all.resolve });
    for (const worker of waitsFor) worker.send({ kind: 'send-metrics', round });
    if (waitsFor.size === 0) all.resolve();
    await all.promise;
    clearTimeout(timer);
    this.#rounds.delete(round);
    return mergedText([...this.#last.values(), await this.#ended, await this.#own()]);
  }

  onMetrics(worker: WorkerProcess, round: number, metrics: MetricsSnapshot): void {
    this.#last.set(worker, metrics);
    const asked = this.#rounds.get(round);
    if (asked) answered(asked, worker);
  }

  onEnded(worker: WorkerProcess): void {
    for (const round of this.#rounds.values()) answered(round, worker);
    const last = this.#last.get(worker);
    if (last === undefined) return;
    this.#last.delete(worker);
    this.#ended = this.#ended.then((ended) => counted([ended, last]));
  }
}

function answered({ waitsFor, done }: Round, worker: WorkerProcess): void {
  waitsFor.delete(worker);
  if (waitsFor.size === 0) done();
}
