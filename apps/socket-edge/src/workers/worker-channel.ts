import type { Health } from '@holdfast/service/health';
import type { Metrics, MetricsSource, MetricsText } from '@holdfast/service/metrics';
import type { FromWorker, ToWorker } from './messages.ts';
import { reasonIn } from './readiness.ts';

/** Longer than a parent waits for the slowest worker. */
const SCRAPE_MS = 3000;

const REPORT_EVERY_MS = 1000;

/** The parent did not answer: it is stuck, or has exited. */
class ParentSilent extends Error {
  readonly code = 'parent-silent';

  constructor() {
    super('the parent of this worker did not send the metrics of the other workers in time');
    this.name = 'ParentSilent';
  }
}

/** The channel to the parent, as node:process has it in a process that was forked. */
export interface ParentChannel {
  readonly connected: boolean;
  send?(message: FromWorker, onSent: (error: Error | null) => void): unknown;
  on(event: 'message', listener: (message: ToWorker) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
}

export interface WorkerChannelOptions {
  readonly channel: ParentChannel;
  readonly metrics: Metrics;
  readonly health: Health;
  /** All workers are to leave. */
  readonly onDrain: () => void;
  /** The parent has exited: a new one will want the port. */
  readonly onOrphaned: () => void;
  readonly onError: (error: unknown) => void;
  readonly scrapeMs?: number;
}

/** A worker's channel to its parent: metrics, readiness, drain. No delivery waits for it. */
export class WorkerChannel implements MetricsSource {
  readonly #options: WorkerChannelOptions;
  readonly #scrapes = new Map<number, (text: MetricsText) => void>();
  #scrapesSoFar = 0;

  constructor(options: WorkerChannelOptions) {
    this.#options = options;
    options.channel.on('message', (message) => this.#onMessage(message));
    options.channel.on('disconnect', () => options.onOrphaned());
  }

  /** Reports that this worker listens, and from now on whether it is ready. */
  listening(): void {
    const report = () => this.#send({ kind: 'readiness', reason: reasonIn(this.#options.health.readiness()) });
    report();
    setInterval(report, REPORT_EVERY_MS).unref();
    this.#send({ kind: 'listening' });
  }

  /**
   * The metrics of all workers.
   * @throws {ParentSilent} for no figures are better than wrong ones
   */
  async text(): Promise<MetricsText> {
    const scrape = (this.#scrapesSoFar += 1);
    const answer = Promise.withResolvers<MetricsText>();
    this.#scrapes.set(scrape, answer.resolve);
    const timer = setTimeout(() => answer.reject(new ParentSilent()), this.#options.scrapeMs ?? SCRAPE_MS);
    try {
      this.#send({ kind: 'scrape', scrape });
      return await answer.promise;
    } finally {
      clearTimeout(timer);
      this.#scrapes.delete(scrape);
    }
  }

  #onMessage(message: ToWorker): void {
    switch (message.kind) {
      case 'drain':
        this.#options.onDrain();
        break;
      case 'send-metrics':
        this.#sendMetrics(message.round).catch(this.#options.onError);
        break;
      case 'metrics-of-all':
        this.#scrapes.get(message.scrape)?.(message.text);
        break;
    }
  }

  async #sendMetrics(round: number): Promise<void> {
    this.#send({ kind: 'metrics', round, metrics: await this.#options.metrics.snapshot() });
  }

  #send(message: FromWorker): void {
    const { channel } = this.#options;
    // When the parent has exited, 'disconnect' comes later than a write fails: without a callback for
    // the failure it would end this process, and its clients would get no close frame.
    if (channel.connected) channel.send?.(message, () => undefined);
  }
}
