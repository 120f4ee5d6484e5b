import { ProblemError } from '../problem-error.ts';
import { RETRY_AFTER_SECONDS } from '../http/respond.ts';

export interface TurnLimits {
  /** Calls of one caller that are worked on at once; further ones wait. */
  readonly atOnce: number;
  /** Calls of one caller, those that wait included; further ones are refused. */
  readonly inAll: number;
}

interface Caller {
  working: number;
  readonly waiting: (() => void)[];
}

/**
 * Lets each caller have a few calls worked on at once, and makes its others wait behind them: whatever one caller asks
 * for, another finds at most those few before it.
 */
export class CallerTurns {
  readonly #callers = new Map<string, Caller>();

  /**
   * Resolves when it is the call's turn; `leave` has to follow, also when the caller has gone meanwhile.
   * @throws {ProblemError} too-many-calls
   */
  enter(name: string, { atOnce, inAll }: TurnLimits): Promise<void> | undefined {
    let caller = this.#callers.get(name);
    if (caller === undefined) {
      caller = { working: 0, waiting: [] };
      this.#callers.set(name, caller);
    }
    if (caller.working < atOnce) {
      caller.working += 1;
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
    return promise;
  }

  /** Ends a call whose turn it was, and lets the next of this caller begin. */
  leave(name: string): void {
    const caller = this.#callers.get(name);
    if (caller === undefined) return;
    const next = caller.waiting.shift();
    if (next !== undefined) next();
    else caller.working -= 1;
    if (caller.working === 0) this.#callers.delete(name);
  }
}
