import { RateLimiterMemory } from 'rate-limiter-flexible';

/**
 * Refused handshakes an address may cause in a window. Far more than clients with a wrong id cause by accident, and
 * few enough that guessing, or hammering with a revoked id, costs Redis nothing.
 */
const REFUSED_PER_WINDOW = 1000;
const WINDOW_SECONDS = 10;
const MS = 1000;

/** Counts refused handshakes by address. Good handshakes cost nothing and are never counted. */
export class RefusalLimit {
  readonly #limiter: RateLimiterMemory;
  #countedAt = Number.NEGATIVE_INFINITY;

  constructor(refusedPerWindow: number = REFUSED_PER_WINDOW) {
    this.#limiter = new RateLimiterMemory({ points: refusedPerWindow, duration: WINDOW_SECONDS });
  }

  /** Whether nobody can be blocked, because nobody was refused within the window: then there is nothing to ask. */
  get quiet(): boolean {
    return performance.now() - this.#countedAt > WINDOW_SECONDS * MS;
  }

  /** Seconds to wait when the address has had too many; null when it may go on. */
  async blockedFor(address: string): Promise<number | null> {
    const state = await this.#limiter.get(address);
    if (state === null || state.remainingPoints > 0) return null;
    return Math.max(1, Math.ceil(state.msBeforeNext / MS));
  }

  async count(address: string): Promise<void> {
    this.#countedAt = performance.now();
    await this.#limiter.penalty(address);
  }
}
