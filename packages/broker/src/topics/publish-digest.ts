import { hash } from 'node:crypto';

/** 96 bits: two bodies of one digest cannot be found, and a key that is remembered stays small. */
const DIGEST_CHARACTERS = 16;

/** Binds an idempotency key to its caller and to the data. Text without blanks. */
export function publishDigest(caller: string, data: Buffer): string {
  // A caller has no NUL, so that no two of caller and data look alike when they are put together.
  return hash('sha256', Buffer.concat([Buffer.from(`${caller}\0`), data]), 'base64url').slice(0, DIGEST_CHARACTERS);
}
