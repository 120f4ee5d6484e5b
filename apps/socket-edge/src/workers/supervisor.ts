import { setTimeout as delay } from 'node:timers/promises';
import { type Backoff, jitteredDelay } from '@holdfast/service/backoff';
import type { Logger } from '@holdfast/service/logger';
import type { Exit, WorkerProcess } from './worker-process.ts';

/** One that fell is back at once; one that falls again and again must not keep the machine busy with its starts. */
const BACKOFF: Backoff = { baseMs: 250, capMs: 15_000 };
/** One that has run for so long exits for a new reason. */
const SETTLED_MS = 60_000;

export interface SupervisorOptions {
  /** How many workers there are to be. */
  readonly count: number;
  readonly start: () => WorkerProcess;
  /** Before a worker is started while none listens: rejects when another process has the port by now. */
  readonly check: () => Promise<void>;
  readonly onEnded: (worker: WorkerProcess) => void;
  readonly logger: Logger;
  readonly backoff?: Backoff;
}

/** A worker ended before all had begun to listen. */
class WorkerFailed extends Error {
  readonly code = 'worker-failed';

  constructor({ code, signal }: Exit) {
    super(`A worker ended before it listened (${signal ?? `exit code ${code}`}).`);
    this.name = 'WorkerFailed';
  }
}

/** Keeps so many workers alive. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #live = new Set<WorkerProcess>();
  readonly #listening = new Set<WorkerProcess>();
  readonly #leaving = new AbortController();
  readonly #drains: Promise<boolean>[] = [];
  #checking: Promise<void> | undefined;
  #restarts = 0;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Those that listen now. */
  get listening(): ReadonlySet<WorkerProcess> {
    return this.#listening;
  }

  /** How many were started in place of others. */
  get restarts(): number {
    return this.#restarts;
  }

  /**
   * Starts all; resolves when all listen.
   * @throws {WorkerFailed} when one ended first; the others are ended then
   */
  async start(): Promise<void> {
    const first = Array.from({ length: this.#options.count }, () => this.#begin());
    try {
      await Promise.all(first.map(({ worker, listens }) => Promise.race([listens, failure(worker)])));
    } catch (error) {
      this.kill();
      throw error;
    }
    for (const { worker } of first) void this.#keep(worker, performance.now());
  }

  /** Has every worker drain; no new one is started. Rejects when one did not end in good order. */
  async drain(): Promise<void> {
    this.#leaving.abort();
    for (const worker of this.#live) this.#drains.push(this.#drainOne(worker));
    const inOrder = await Promise.all(this.#drains);
    const failed = inOrder.filter((well) => !well).length;
    if (failed > 0) throw new Error(`${failed} of ${inOrder.length} workers did not end in good order`);
  }

  /** Ends every worker at once. Waits for nothing, so it can be called when this process exits. */
  kill(): void {
    this.#leaving.abort();
    for (const worker of this.#live) worker.kill('SIGKILL');
  }

  async #drainOne(worker: WorkerProcess): Promise<boolean> {
    // One that does not listen yet has no connections to close, and nothing that could.
    const silent = !this.#listening.has(worker);
    if (silent) worker.kill('SIGKILL');
    else worker.send({ kind: 'drain' });
    const { code } = await worker.exited;
    return silent || code === 0;
  }

  #begin() {
    const worker = this.#options.start();
    this.#live.add(worker);
    const listens = new Promise<void>((resolve) => {
      worker.onMessage(({ kind }) => {
        if (kind !== 'listening') return;
        this.#listening.add(worker);
        resolve();
      });
    });
    void worker.exited.finally(() => {
      this.#live.delete(worker);
      this.#listening.delete(worker);
      this.#options.onEnded(worker);
    });
    return { worker, listens };
  }

  /** Replaces a worker when it ends, and the one after it, until all are to leave. */
  async #keep(first: WorkerProcess, since: number): Promise<void> {
    const { logger, backoff = BACKOFF } = this.#options;
    let [worker, begun, attempt] = [first, since, 0];
    for (;;) {
      const exit = await worker.exited;
      if (this.#leaving.signal.aborted) return;
      attempt = performance.now() - begun > SETTLED_MS ? 1 : attempt + 1;
      const delayMs = jitteredDelay(backoff, attempt);
      logger.warn({ worker: worker.pid, ...exit, delayMs }, 'worker exited: replacing it');
      if (!(await this.#mayStart(delayMs))) return;
      this.#restarts += 1;
      begun = performance.now();
      ({ worker } = this.#begin());
    }
  }

  /** Waits until a worker may be started in place of one that ended; false when none is wanted any more. */
  async #mayStart(delayMs: number): Promise<boolean> {
    const { logger, check, backoff = BACKOFF } = this.#options;
    for (let [wait, attempt] = [delayMs, 1]; ; wait = jitteredDelay(backoff, ++attempt)) {
      // It ends early when all are to leave; that is seen below.
      await delay(wait, undefined, { signal: this.#leaving.signal }).catch(() => undefined);
      if (this.#leaving.signal.aborted) return false;
      if (this.#live.size > 0) return true;
      // Two checks at a time would each find the other.
      this.#checking ??= check().finally(() => (this.#checking = undefined));
      try {
        await this.#checking;
        return !this.#leaving.signal.aborted;
      } catch (error) {
        logger.error({ err: error }, 'port taken by another process: waiting to start workers');
      }
    }
  }
}

async function failure(worker: WorkerProcess): Promise<never> {
  throw new WorkerFailed(await worker.exited);
}
