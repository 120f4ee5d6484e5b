import { ProblemError, RETRY_AFTER_SECONDS } from '../http/problem-error.ts';

/** One caller may hold this fraction of all (1/4). */
const SHARE = 4;

/** The bytes of bodies and answers that are in memory at the same time, in all and for each caller. */
export class ByteBudget {
  readonly #maxBytes: number;
  readonly #ofCaller = new Map<string, number>();
  #held = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
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
    if (own > this.#maxBytes / SHARE) {
      const detail = `The bodies and answers of your calls hold ${this.#maxBytes / SHARE} bytes, as many as they may`;
      throw new ProblemError('too-many-calls', { detail, retryAfterSeconds });
    }
    if (this.#held + bytes > this.#maxBytes) throw new ProblemError('api-busy', { retryAfterSeconds });
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
