import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { giveWay } from '@holdfast/local/give-way';
import type { FromWorker, OrderName, Orders, Progress, ToWorker } from './worker-protocol.ts';

/** One worker process. It ends by itself when this process does. */
class Hand {
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>();
  progress: Progress = { members: 0, open: 0 };
  #count = 0;
  #death: Error | undefined;

  constructor() {
    this.#child = fork(new URL('worker-main.ts', import.meta.url), {
      serialization: 'advanced',
      // A Ctrl-C of the terminal reaches us alone: we end what we started in order.
      detached: true,
    });
    // They stand for other people's machines: what is tested has the cores of this one first.
    if (this.#child.pid !== undefined) void giveWay(this.#child.pid);
    this.#child.on('message', (message: FromWorker) => this.#hear(message));
    this.#child.on('error', (error) => this.#die(error));
    this.#child.on('exit', (code, signal) =>
      this.#die(new Error(`worker process ${this.#child.pid} ended (${signal ?? `exit code ${code}`})`)),
    );
  }

  order<Name extends OrderName>(name: Name, ask: Orders[Name]['ask']): Promise<Orders[Name]['answer']> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    this.#count += 1;
    const call = this.#count;
    const answer = Promise.withResolvers<unknown>();
    this.#calls.set(call, answer);
    const message = { call, name, ask } as ToWorker;
    this.#child.send(message, (error) => {
      if (error !== null) this.#die(error);
    });
    return answer.promise as Promise<Orders[Name]['answer']>;
  }

  async end(): Promise<void> {
    if (this.#death !== undefined) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }

  #hear(message: FromWorker): void {
    if (message.kind === 'progress') {
      this.progress = message.progress;
      return;
    }
    const answer = this.#calls.get(message.call);
    this.#calls.delete(message.call);
    if (message.kind === 'done') answer?.resolve(message.answer);
    else answer?.reject(new Error(message.message));
  }

  #die(error: Error): void {
    this.#death ??= error;
    for (const answer of this.#calls.values()) answer.reject(this.#death);
    this.#calls.clear();
  }
}

/** The worker processes that hold the verifying clients. */
export class Crew {
  readonly #hands: readonly Hand[];

  constructor(workers: number) {
    this.#hands = Array.from({ length: workers }, () => new Hand());
  }

  get size(): number {
    return this.#hands.length;
  }

  /** Gives each worker an order of its own. All are awaited; rejects with the first failure. */
  async each<Name extends OrderName>(
    name: Name,
    askOf: (worker: number) => Orders[Name]['ask'],
  ): Promise<Orders[Name]['answer'][]> {
    const outcomes = await Promise.allSettled(this.#hands.map((hand, worker) => hand.order(name, askOf(worker))));
    return outcomes.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    });
  }

  /** Gives all workers the same order. */
  all<Name extends OrderName>(name: Name, ask: Orders[Name]['ask']): Promise<Orders[Name]['answer'][]> {
    return this.each(name, () => ask);
  }

  /** How many members have a connection at the moment. */
  get open(): number {
    return this.#hands.reduce((sum, { progress }) => sum + progress.open, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#hands.map((hand) => hand.end()));
  }
}
