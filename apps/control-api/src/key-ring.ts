import { hash, timingSafeEqual } from 'node:crypto';
import type { ApiKey } from '@holdfast/protocol/api-key';
import { ProblemError } from './problem-error.ts';

/** No secret has this hash: what is presented for an unknown id is compared with it, so that time does not tell. */
const NO_SECRET = Buffer.alloc(32);

/** The API keys that hold now. */
export class KeyRing {
  #keys = new Map<string, ApiKey>();

  constructor(keys: readonly ApiKey[] = []) {
    this.replace(keys);
  }

  replace(keys: readonly ApiKey[]): void {
    this.#keys = new Map(keys.map((key) => [key.id, key]));
  }

  get size(): number {
    return this.#keys.size;
  }

  ids(): string[] {
    return [...this.#keys.keys()];
  }

  get(id: string): ApiKey | undefined {
    return this.#keys.get(id);
  }

  /**
   * The key that is presented as `<id>.<secret>`.
   * @throws {ProblemError} key-missing, key-unknown (also for a wrong secret) or key-expired
   */
  check(presented: string | undefined): ApiKey {
    if (presented === undefined || presented === '') throw new ProblemError('key-missing');
    const dot = presented.indexOf('.');
    const key = dot > 0 ? this.#keys.get(presented.slice(0, dot)) : undefined;
    const given = hash('sha256', presented.slice(dot + 1), 'buffer');
    const matches = timingSafeEqual(given, key === undefined ? NO_SECRET : Buffer.from(key.secretSha256, 'hex'));
    if (key === undefined || !matches) throw new ProblemError('key-unknown');
    if (hasExpired(key)) throw new ProblemError('key-expired', { detail: `The API key "${key.id}" has expired` });
    return key;
  }
}

export function hasExpired(key: ApiKey): boolean {
  return key.expiresAt !== null && Date.parse(key.expiresAt) <= Date.now();
}
