const MS = 1000;
/** What a client may have read from logs for it in a second, for as long as it likes. */
const BYTES_PER_SECOND = 1024 * 1024;
/** A handshake costs a claim, and about as much as reading so long. */
const HANDSHAKE_MS = 50;
/** A resume looks into the log of each topic that has moved on. */
const TOPIC_MS = 20;
/** One connection costs at most so much: a client that has just read a very long history may still come back at once. */
const MOST_MS = 15 * MS;
/** So much may be owed before a client is refused: the dearest return three times in a row. */
const BURST_MS = 30 * MS;
/** How often clients that owe nothing any more are forgotten. */
const SWEEP_EVERY_MS = 10 * MS;

/**
 * How often one client may come back, by what its returns cost: a token bucket for each client id, kept as the time at
 * which all is paid. Clients that come back now and then are forgotten a moment later; most are never in here.
 */
export class ResumeLimit {
  readonly #now: () => number;
  readonly #paidAt = new Map<string, number>();
  #sweptAt: number;

  /** @param now a monotonic clock, in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#sweptAt = now();
  }

  /** Seconds to wait for a client that has cost too much; null when it may come. */
  blockedFor(clientId: string): number | null {
    const owedMs = (this.#paidAt.get(clientId) ?? 0) - this.#now();
    return owedMs <= BURST_MS ? null : Math.ceil((owedMs - BURST_MS) / MS);
  }

  /** A handshake of the client was taken, with `resume=1` for so many topics. */
  onHandshake(clientId: string, resumedTopics: number): void {
    this.#charge(clientId, HANDSHAKE_MS + resumedTopics * TOPIC_MS);
  }

  /** A connection of the client has ended that was sent so many bytes of what it had missed. */
  onCaughtUp(clientId: string, bytes: number): void {
    if (bytes > 0) this.#charge(clientId, (bytes * MS) / BYTES_PER_SECOND);
  }

  /** Clients that owe something. */
  get size(): number {
    return this.#paidAt.size;
  }

  #charge(clientId: string, costMs: number): void {
    const now = this.#now();
    this.#sweep(now);
    this.#paidAt.set(clientId, Math.max(this.#paidAt.get(clientId) ?? 0, now) + Math.min(costMs, MOST_MS));
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt < SWEEP_EVERY_MS) return;
    this.#sweptAt = now;
    for (const [clientId, paidAt] of this.#paidAt) if (paidAt <= now) this.#paidAt.delete(clientId);
  }
}
