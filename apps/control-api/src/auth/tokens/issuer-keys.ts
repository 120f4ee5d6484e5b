import { reasonOf } from '@holdfast/service/error-fields';
import type { Logger } from '@holdfast/service/logger';
import { type IssuerKey, fetchIssuerKeys } from './jwks-document.ts';

/** Then they are fetched again; until that has succeeded, those that are there go on. */
const FRESH_MS = 10 * 60_000;
/** Between two fetches, however many tokens come that no known key has signed. */
const REFETCH_MS = 30_000;
/** Between two fetches while there are no keys at all. */
const FIRST_RETRY_MS = 5_000;

export interface IssuerKeysOptions {
  readonly url: string;
  readonly logger: Logger;
  /** Milliseconds, from any start. */
  readonly now: () => number;
  readonly onFetched: (outcome: 'fetched' | 'failed') => void;
}

/**
 * The public keys that an issuer serves at one URL. At most one fetch is under way, and only calls that cannot go on
 * without its result wait for it, a few seconds at most.
 */
export class IssuerKeys {
  readonly #options: IssuerKeysOptions;
  #keys: readonly IssuerKey[] | null = null;
  #ids: ReadonlySet<string> = new Set();
  #fetchedAt = -Infinity;
  /** When the last fetch began, also one that failed. */
  #triedAt = -Infinity;
  #fetching: Promise<void> | null = null;

  constructor(options: IssuerKeysOptions) {
    this.#options = options;
  }

  /** Those that are known; waits only for the first of them. Null when there are none, for the issuer is away. */
  async known(): Promise<readonly IssuerKey[] | null> {
    this.#refresh();
    if (this.#keys === null) await this.#fetching;
    return this.#keys;
  }

  /** After none of the known keys has verified a token: fetches them once more, unless that was done a short while ago. */
  async renew(): Promise<void> {
    if (this.#fetching === null && this.#age(this.#triedAt) < REFETCH_MS) return;
    await this.#fetch();
  }

  /** Whether the issuer still serves this key, as far as is known. */
  has(id: string): boolean {
    this.#refresh();
    return this.#ids.has(id);
  }

  #refresh(): void {
    if (this.#age(this.#fetchedAt) < FRESH_MS) return;
    const pauseMs = this.#keys === null ? FIRST_RETRY_MS : REFETCH_MS;
    if (this.#age(this.#triedAt) >= pauseMs) void this.#fetch();
  }

  #age(at: number): number {
    return this.#options.now() - at;
  }

  /** Never rejects. */
  #fetch(): Promise<void> {
    this.#fetching ??= this.#fetchOnce().finally(() => {
      this.#fetching = null;
    });
    return this.#fetching;
  }

  async #fetchOnce(): Promise<void> {
    const { url, logger, now, onFetched } = this.#options;
    this.#triedAt = now();
    try {
      const keys = await fetchIssuerKeys(url);
      this.#keys = keys;
      this.#ids = new Set(keys.map(({ id }) => id));
      this.#fetchedAt = now();
      onFetched('fetched');
      if (keys.length === 0)
        logger.warn({ jwksUrl: url }, 'the JWKS of an issuer of tokens holds no key that can be used');
    } catch (error) {
      onFetched('failed');
      const reason = reasonOf(error instanceof Error && error.cause instanceof Error ? error.cause : error);
      logger.warn(
        { jwksUrl: url, reason, held: this.#keys?.length ?? 0 },
        'cannot fetch the JWKS of an issuer of tokens',
      );
    }
  }
}
