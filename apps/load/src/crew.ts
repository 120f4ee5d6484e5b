import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import {
  type Answer,
  type Assignment,
  type Findings,
  type FromWorker,
  type Order,
  type Progress,
  type ToWorker,
  noProgress,
} from './worker-protocol.ts';

/** Sockets are what a worker allocates; a small young generation keeps 1 kB of resident memory a connection away. */
const WORKER_FLAGS = ['--max-semi-space-size=8'];

/** One worker process. */
class Hand {
  readonly assignment: Assignment;
  readonly #child: ChildProcess;
  progress: Progress = noProgress;
  #pending: PromiseWithResolvers<Answer> | undefined;
  readonly #onDeath: (error: Error) => void;
  #death: Error | undefined;
  #isEnding = false;

  /** `onDeath` is told when the process ended although nobody asked for it. */
  constructor(assignment: Assignment, onDeath: (error: Error) => void) {
    this.assignment = assignment;
    this.#onDeath = onDeath;
    this.#child = fork(new URL('worker-main.ts', import.meta.url), {
      execArgv: WORKER_FLAGS,
      serialization: 'advanced',
    });
    this.#child.on('message', (message: FromWorker) => this.#hear(message));
    this.#child.on('error', (error) => this.#die(error));
    this.#child.on('exit', (code, signal) =>
      this.#die(new Error(`worker process ${this.#child.pid} ended (${signal ?? `exit code ${code}`})`)),
    );
  }

  get isDead(): boolean {
    return this.#death !== undefined;
  }

  /** Gives an order and waits for its answer. Rejects with why it could not be carried out. */
  async carryOut(order: Order): Promise<Answer> {
    if (this.#death !== undefined) throw this.#death;
    this.#pending = Promise.withResolvers<Answer>();
    this.#say(order);
    const answer = await this.#pending.promise;
    if (answer.kind === 'failed') throw new Error(answer.message);
    return answer;
  }

  abort(): void {
    if (!this.isDead) this.#say({ kind: 'abort' });
  }

  async end(): Promise<void> {
    if (this.isDead) return;
    this.#isEnding = true;
    const exit = once(this.#child, 'exit');
    this.#child.disconnect();
    await exit;
  }

  #say(message: ToWorker): void {
    this.#child.send(message, (error) => {
      if (error !== null) this.#die(error);
    });
  }

  #hear(message: FromWorker): void {
    if (message.kind === 'progress') this.progress = message;
    else this.#pending?.resolve(message);
  }

  #die(error: Error): void {
    if (this.isDead) return;
    this.#death = error;
    this.#pending?.reject(error);
    if (!this.#isEnding) this.#onDeath(error);
  }
}

/** The worker processes. Every order goes to all of them. */
export class Crew {
  readonly #hands: readonly Hand[];
  readonly #loss = new AbortController();
  #death: Error | undefined;

  private constructor(assignments: readonly Assignment[]) {
    this.#hands = assignments.map(
      (assignment) =>
        new Hand(assignment, (error) => {
          this.#death ??= error;
          this.#loss.abort(error);
        }),
    );
  }

  /** Aborted when a process ended although nobody asked for it. */
  get loss(): AbortSignal {
    return this.#loss.signal;
  }

  /** How the first process ended that nobody had asked to; undefined while all are there. */
  get death(): Error | undefined {
    return this.#death;
  }

  /** Starts a process for each assignment. */
  static async start(assignments: readonly Assignment[]): Promise<Crew> {
    const crew = new Crew(assignments);
    await Promise.all(crew.#hands.map((hand) => hand.carryOut({ kind: 'assign', assignment: hand.assignment })));
    return crew;
  }

  /** What all workers have done together. */
  progress(): Progress {
    const sum = { ...noProgress };
    for (const { progress } of this.#hands) {
      sum.registered += progress.registered;
      sum.connected += progress.connected;
      sum.deliveries += progress.deliveries;
      sum.unregistered += progress.unregistered;
    }
    return sum;
  }

  /** Has all workers do one thing. All are awaited; rejects with the first failure, or with the signal's reason. */
  async carryOut(order: Order, signal?: AbortSignal): Promise<void> {
    await this.#ask(order, signal);
  }

  async verify(order: Extract<Order, { kind: 'verify' }>): Promise<Findings[]> {
    const answers = await this.#ask(order);
    return answers.flatMap((answer) => (answer.kind === 'done' && answer.order === 'verify' ? [answer.findings] : []));
  }

  /** Has the workers unregister their clients, and gives back the assignments of those that could not. */
  async cleanUp(): Promise<Assignment[]> {
    const outcomes = await Promise.allSettled(this.#hands.map((hand) => hand.carryOut({ kind: 'cleanUp' })));
    return this.#hands.filter((_, index) => outcomes[index]?.status === 'rejected').map((hand) => hand.assignment);
  }

  /** Ends all processes. */
  async end(): Promise<void> {
    await Promise.all(this.#hands.map((hand) => hand.end()));
  }

  async #ask(order: Order, signal?: AbortSignal): Promise<Answer[]> {
    signal?.throwIfAborted();
    const onAbort = () => {
      for (const hand of this.#hands) hand.abort();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    let failure: { error: unknown } | undefined;
    const answers: Answer[] = [];
    const ask = async (hand: Hand) => {
      try {
        answers.push(await hand.carryOut(order));
      } catch (error) {
        // What one could not do stops the others, so that it is told soon.
        failure ??= { error };
        onAbort();
      }
    };
    try {
      await Promise.all(this.#hands.map(ask));
      signal?.throwIfAborted();
      if (failure !== undefined) throw failure.error;
      return answers;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }
}
