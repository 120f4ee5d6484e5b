import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** The Redis of this run; provided by global-setup.ts. */
    redisUrl: string;
  }
}

/** The Redis of this test run. All files share it: each keeps to a {@link prefix} of its own. */
export function redisUrl(): string {
  return inject('redisUrl');
}

/** A key prefix of its own: `hft-5f3a…:`. */
export function prefix(): string {
  return `hft-${randomBytes(6).toString('hex')}:`;
}
