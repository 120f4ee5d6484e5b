import { ProblemError, RETRY_AFTER_SECONDS } from '../http/problem-error.ts';

export interface TurnLimits {
  /** Calls of one caller that run at the same time; further ones wait. */
  readonly concurrent: number;
  /** Calls of one caller that run or wait; further ones are refused. */
  readonly total: number;
}

/** Calls started in one turn of the event loop: a quarter of a millisecond of work, so that no burst of one caller runs first. */
const STARTS_PER_TURN = 4;

interface Caller {
  readonly concurrent: number;
  working: number;
  readonly waiting: (() => void)[];
}

/**
 * Starts calls a few at a time, round robin over the callers, with a bound on those of one caller that run at the same
 * time: at most a few calls of others come before a call, however many they send.
 */
export class FairQueue {
  readonly #callers = new Map<string, Caller>();
  /** Callers with a call that may start, in the order of their turns. */
  readonly #ready = new Map<string, Caller>();
  #started = 0;
  #scheduled = false;

  /**
   * Resolves when it is the call's turn; `leave` has to follow, also when the caller has gone meanwhile.
   * @returns undefined when it is at once
   * @throws {ProblemError} too-many-calls
   */
  enter(name: string, { concurrent, total }: TurnLimits): Promise<void> | undefined {
    let caller = this.#callers.get(name);
    if (caller === undefined) {
      caller = { concurrent, working: 0, waiting: [] };
      this.#callers.set(name, caller);
    }
    if (this.#ready.size === 0 && this.#started < STARTS_PER_TURN && caller.working < concurrent) {
      this.#start(caller);
      return undefined;
    }
    if (caller.working + caller.waiting.length >= total) {
      throw new ProblemError('too-many-calls', {
        detail: `At most ${total} calls at a time`,
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    caller.waiting.push(resolve);
    this.#getReady(name, caller);
    return promise;
  }

  /** Ends a call whose turn it was. */
  leave(name: string): void {
    const caller = this.#callers.get(name);
    if (caller === undefined) return;
    caller.working -= 1;
    if (caller.working === 0 && caller.waiting.length === 0) this.#callers.delete(name);
    else this.#getReady(name, caller);
  }

  #getReady(name: string, caller: Caller): void {
    if (caller.waiting.length === 0 || caller.working >= caller.concurrent) return;
    this.#ready.set(name, caller);
    this.#schedule();
  }

  #start(caller: Caller): void {
    caller.working += 1;
    this.#started += 1;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    this.#started = 0;
    for (const [name, caller] of this.#ready) {
      if (this.#started === STARTS_PER_TURN) break;
      // To the end of the line, when it has more.
      this.#ready.delete(name);
      const start = caller.waiting.shift();
      if (start === undefined) continue;
      this.#start(caller);
      start();
      this.#getReady(name, caller);
    }
  }
}
