import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { lowerPriority } from '@holdfast/local/lower-priority';
import type { CallsOf, FromWorker, ToWorker } from './worker-channel.ts';

export interface WorkerOptions {
  /** The module of the worker, which calls `serveCalls`. */
  module: URL;
  /** Flags of Node. */
  execArgv?: readonly string[];
  /** Every other process of this machine has the cores first. */
  lowPriority?: boolean;
}

/** One worker process. It ends by itself when this process does. */
class Worker<Progress> {
  readonly #child: ChildProcess;
  readonly #onDeath: (error: Error) => void;
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>();
  progress: Progress | undefined;
  #count = 0;
  #death: Error | undefined;
  #isEnding = false;

  constructor({ module, execArgv = [], lowPriority = false }: WorkerOptions, onDeath: (error: Error) => void) {
    this.#onDeath = onDeath;
    this.#child = fork(module, {
      execArgv: [...execArgv],
      serialization: 'advanced',
      // A Ctrl-C of the terminal reaches this process alone, which ends the workers in order.
      detached: true,
    });
    if (lowPriority && this.#child.pid !== undefined) void lowerPriority(this.#child.pid);
    this.#child.on('message', (message: FromWorker) => this.#receive(message));
    this.#child.on('error', (error) => this.#die(error));
    this.#child.on('exit', (code, signal) =>
      this.#die(new Error(`worker process ${this.#child.pid} ended (${signal ?? `exit code ${code}`})`)),
    );
  }

  call(name: string, ask: unknown): Promise<unknown> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    this.#count += 1;
    const answer = Promise.withResolvers<unknown>();
    this.#calls.set(this.#count, answer);
    this.#send({ kind: 'call', call: this.#count, name, ask });
    return answer.promise;
  }

  abort(): void {
    if (this.#death === undefined) this.#send({ kind: 'abort' });
  }

  async end(): Promise<void> {
    if (this.#death !== undefined) return;
    this.#isEnding = true;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }

  #send(message: ToWorker): void {
    this.#child.send(message, (error) => {
      if (error !== null) this.#die(error);
    });
  }

  #receive(message: FromWorker): void {
    if (message.kind === 'progress') {
      this.progress = message.progress as Progress;
      return;
    }
    const answer = this.#calls.get(message.call);
    this.#calls.delete(message.call);
    if (message.kind === 'done') answer?.resolve(message.answer);
    else answer?.reject(new Error(message.message));
  }

  #die(error: Error): void {
    if (this.#death !== undefined) return;
    this.#death = error;
    for (const answer of this.#calls.values()) answer.reject(error);
    this.#calls.clear();
    if (!this.#isEnding) this.#onDeath(error);
  }
}

/** Worker processes of one kind, each with the same calls. */
export class WorkerPool<C extends CallsOf<C>, Progress> {
  readonly #workers: readonly Worker<Progress>[];
  readonly #loss = new AbortController();
  #death: Error | undefined;

  constructor(size: number, options: WorkerOptions) {
    const onDeath = (error: Error) => {
      this.#death ??= error;
      this.#loss.abort(error);
    };
    this.#workers = Array.from({ length: size }, () => new Worker<Progress>(options, onDeath));
  }

  get size(): number {
    return this.#workers.length;
  }

  /** Aborted when a process ended unexpectedly. */
  get loss(): AbortSignal {
    return this.#loss.signal;
  }

  /** How the first process ended unexpectedly; undefined while all run. */
  get death(): Error | undefined {
    return this.#death;
  }

  /** What each worker has reported last. */
  progress(): Progress[] {
    return this.#workers.flatMap(({ progress }) => (progress === undefined ? [] : [progress]));
  }

  /**
   * Has each worker carry out a call of its own. All are awaited; after the first failure, or when the signal is
   * aborted, all are asked to give up. Rejects with that failure, or with the signal's reason.
   */
  async each<Name extends keyof C & string>(
    name: Name,
    askOf: (worker: number) => C[Name]['ask'],
    signal?: AbortSignal,
  ): Promise<C[Name]['answer'][]> {
    signal?.throwIfAborted();
    const abort = () => {
      for (const worker of this.#workers) worker.abort();
    };
    signal?.addEventListener('abort', abort, { once: true });
    let failure: { error: unknown } | undefined;
    try {
      const calls = this.#workers.map(async (worker, index) => {
        try {
          return await worker.call(name, askOf(index));
        } catch (error) {
          failure ??= { error };
          abort();
          return undefined;
        }
      });
      const answers = await Promise.all(calls);
      signal?.throwIfAborted();
      if (failure !== undefined) throw failure.error;
      return answers;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Has all workers carry out the same call: see {@link WorkerPool.each}. */
  all<Name extends keyof C & string>(
    name: Name,
    ask: C[Name]['ask'],
    signal?: AbortSignal,
  ): Promise<C[Name]['answer'][]> {
    return this.each(name, () => ask, signal);
  }

  /** Has all carry out a call, whatever becomes of the others; gives each outcome. */
  allSettled<Name extends keyof C & string>(
    name: Name,
    ask: C[Name]['ask'],
  ): Promise<PromiseSettledResult<C[Name]['answer']>[]> {
    return Promise.allSettled(this.#workers.map((worker) => worker.call(name, ask) as Promise<C[Name]['answer']>));
  }

  /** Ends all processes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.end()));
  }
}
