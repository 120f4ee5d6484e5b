import { ProblemError, RETRY_AFTER_SECONDS } from '../http/problem-error.ts';

export interface TurnLimits {
  /** Calls of one caller that are worked on at once; further ones wait. */
  readonly atOnce: number;
  /** Calls of one caller, those that wait included; further ones are refused. */
  readonly inAll: number;
}

/**
 * Calls that begin in one turn of the event loop: a quarter of a millisecond of work. Whoever calls rarely waits for so many
 * calls of others at each of its steps, and never for all that somebody else has sent.
 */
const BEGIN_A_TURN = 4;

interface Caller {
  readonly atOnce: number;
  working: number;
  readonly waiting: (() => void)[];
}

/**
 * Lets calls begin a few at a time, each caller in turn, and of one caller only so many at once: whatever one caller
 * asks for, another finds at most those few before it.
 */
export class CallerTurns {
  readonly #callers = new Map<string, Caller>();
  /** Callers with a call that may begin, in the order of their turns. */
  readonly #ready = new Map<string, Caller>();
  #begun = 0;
  #scheduled = false;

  /**
   * Resolves when it is the call's turn; `leave` has to follow, also when the caller has gone meanwhile.
   * @returns undefined when it is at once
   * @throws {ProblemError} too-many-calls
   */
  enter(name: string, { atOnce, inAll }: TurnLimits): Promise<void> | undefined {
    let caller = this.#callers.get(name);
    if (caller === undefined) {
      caller = { atOnce, working: 0, waiting: [] };
      this.#callers.set(name, caller);
    }
    if (this.#ready.size === 0 && this.#begun < BEGIN_A_TURN && caller.working < atOnce) {
      this.#begin(caller);
      return undefined;
    }
    if (caller.working + caller.waiting.length >= inAll) {
      throw new ProblemError('too-many-calls', {
        detail: `At most ${inAll} calls at a time`,
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
    if (caller.waiting.length === 0 || caller.working >= caller.atOnce) return;
    this.#ready.set(name, caller);
    this.#schedule();
  }

  #begin(caller: Caller): void {
    caller.working += 1;
    this.#begun += 1;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    this.#begun = 0;
    for (const [name, caller] of this.#ready) {
      if (this.#begun === BEGIN_A_TURN) break;
      // To the end of the line, when it has more.
      this.#ready.delete(name);
      const begin = caller.waiting.shift();
      if (begin === undefined) continue;
      this.#begin(caller);
      begin();
      this.#getReady(name, caller);
    }
  }
}
