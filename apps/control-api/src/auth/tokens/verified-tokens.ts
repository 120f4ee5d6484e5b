/** A token that was verified, and what it takes in memory. */
interface Kept<T> {
  readonly value: T;
  readonly bytes: number;
}

export interface VerifiedTokensLimits {
  readonly maxTokens: number;
  readonly maxBytes: number;
}

/** Those of 20,000 browsers that come back at once, several times over. */
const LIMITS: VerifiedTokensLimits = { maxTokens: 100_000, maxBytes: 64 * 1024 * 1024 };
/** Of an entry, beside the texts and lists of its claims. */
const ENTRY_BYTES = 500;
/** Of the objects that a byte of JSON becomes, at most: a list of short texts. */
const BYTES_PER_JSON_BYTE = 6;

/** Verified tokens by their hash, bounded by number and by bytes; the least recently used are evicted. */
export class VerifiedTokens<T> {
  readonly #limits: VerifiedTokensLimits;
  readonly #kept = new Map<string, Kept<T>>();
  #bytes = 0;

  constructor(limits: VerifiedTokensLimits = LIMITS) {
    this.#limits = limits;
  }

  get(hash: string): T | undefined {
    const kept = this.#kept.get(hash);
    if (kept === undefined) return undefined;
    // Last in the order of the map: most recently used.
    this.#kept.delete(hash);
    this.#kept.set(hash, kept);
    return kept.value;
  }

  /** `jsonBytes`: the length of the claims. */
  set(hash: string, value: T, jsonBytes: number): void {
    this.delete(hash);
    const bytes = ENTRY_BYTES + BYTES_PER_JSON_BYTE * jsonBytes;
    this.#kept.set(hash, { value, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#limits.maxTokens && this.#bytes <= this.#limits.maxBytes) return;
      this.delete(oldest);
    }
  }

  delete(hash: string): void {
    this.#bytes -= this.#kept.get(hash)?.bytes ?? 0;
    this.#kept.delete(hash);
  }

  get size(): number {
    return this.#kept.size;
  }
}
