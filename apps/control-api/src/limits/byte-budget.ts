import { ProblemError, RETRY_AFTER_SECONDS } from '../http/problem-error.ts';

/** What one caller may hold of all: four callers at their worst leave nothing over, and one leaves three quarters. */
const SHARE = 4;

/** The bytes of bodies and answers that are in memory at the same time, in all and for each caller. */
export class ByteBudget {
  readonly #most: number;
  readonly #ofCaller = new Map<string, number>();
  #held = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get held(): number {
    return this.#held;
  }

  /**
   * Holds bytes until the release that it gives is called; a second call of that does nothing.
   * @throws {ProblemError} api-busy, or too-many-calls when the caller's own share is used up
   */
  hold(caller: string, bytes: number): () => void {
    const own = (this.#ofCaller.get(caller) ?? 0) + bytes;
    const retryAfterSeconds = RETRY_AFTER_SECONDS;
    if (own > this.#most / SHARE) {
      const detail = `The bodies and answers of your calls hold ${this.#most / SHARE} bytes, as many as they may`;
      throw new ProblemError('too-many-calls', { detail, retryAfterSeconds });
    }
    if (this.#held + bytes > this.#most) throw new ProblemError('api-busy', { retryAfterSeconds });
    this.#held += bytes;
    this.#ofCaller.set(caller, own);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#held -= bytes;
      const left = (this.#ofCaller.get(caller) ?? 0) - bytes;
      if (left > 0) this.#ofCaller.set(caller, left);
      else this.#ofCaller.delete(caller);
    };
  }
}
