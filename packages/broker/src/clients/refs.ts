import { type Hmac, createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { type Keys, bucketOf } from '../keys.ts';
import type { Commands } from '@holdfast/redis/commands';
import { asked, run } from '@holdfast/redis/script';
import { numberOf } from '../lua/replies.ts';
import { loadScript } from '../lua/scripts.ts';

const readTimeScript = loadScript('read-time');

const SECRET_BYTES = 32;
/** Before them, the time at which it was made by the clock of Redis, in microseconds. */
const TIME_BYTES = 8;
/** A ref is 64 bits: 52 that stand for the client within its bucket, and the bucket's 12, masked. */
const TAG_DIGITS = 13;
const BUCKET_DIGITS = 3;
/** How long the secret is taken as it was read. A Redis that lost its data gets it back, or another one rules, this late. */
const FRESH_MS = 5_000;
/** Ids read at a time when a bucket is searched: an HMAC each takes microseconds, and the event loop is shared. */
const MAX_BATCH = 500;

/**
 * The public names of clients. A UUID is a credential, so a caller that may only look at a client knows it by its `ref`: made
 * from the UUID with a secret of the installation, stored nowhere, and without the secret neither a way back to the UUID
 * nor to its bucket. With it, the bucket is unmasked and searched: docs/decisions/0044.
 */
export function refStore(redis: Commands, keys: Keys) {
  let known: Buffer | null = null;
  let readAt = -Infinity;
  let reading: Promise<Buffer> | null = null;

  /** The refs of these clients, registered or not, in the order given. */
  async function refsOf(clientIds: readonly string[]): Promise<string[]> {
    if (clientIds.length === 0) return [];
    const secret = await readSecret();
    return clientIds.map((clientId) => refOf(secret, clientId));
  }

  /** The registered client that has this ref; null when there is none. */
  async function findByRef(ref: string): Promise<string | null> {
    const secret = await readSecret();
    const tag = ref.slice(0, TAG_DIGITS);
    const bucket = keys.clientBucket(masked(secret, tag, ref.slice(TAG_DIGITS)));
    for (let from = '-'; ;) {
      const ids = await asked(redis.zrangebylex(bucket, from, '+', 'LIMIT', 0, MAX_BATCH));
      const found = ids.find((clientId) => tagOf(secret, clientId) === tag);
      if (found !== undefined) return found;
      const last = ids.at(-1);
      if (last === undefined || ids.length < MAX_BATCH) return null;
      from = `(${last}`;
    }
  }

  /** Where a page of clients ended, for callers that must not see its last UUID. */
  async function cursorOf(clientId: string): Promise<string> {
    const cipher = createCipheriv('aes-256-ecb', cursorKey(await readSecret()), null).setAutoPadding(false);
    const bytes = Buffer.from(clientId.replaceAll('-', ''), 'hex');
    return Buffer.concat([cipher.update(bytes), cipher.final()]).toString('hex');
  }

  /** The UUID of a cursor of 32 hexadecimal digits; for one that was never given, some other 16 bytes as a UUID. */
  async function clientIdOfCursor(cursor: string): Promise<string> {
    const decipher = createDecipheriv('aes-256-ecb', cursorKey(await readSecret()), null).setAutoPadding(false);
    const digits = Buffer.concat([decipher.update(Buffer.from(cursor, 'hex')), decipher.final()]).toString('hex');
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  /** The secret of the installation. Rejects with `RedisUnavailable`. */
  async function readSecret(): Promise<Buffer> {
    if (known !== null && performance.now() - readAt < FRESH_MS) return known;
    reading ??= fetchSecret().finally(() => {
      reading = null;
    });
    return reading;
  }

  /**
   * The first caller makes it. The earliest counts, so that refs which people wrote down outlive a Redis that lost its data:
   * whoever knows an earlier one puts it back, also where a process that knew none was there sooner.
   */
  async function fetchSecret(): Promise<Buffer> {
    const stored = (await readStored()) ?? (await store(known ?? (await makeSecret())));
    // Of several that do so at once, the one with the earliest finds that it is not there, and does it again.
    if (known !== null && isEarlier(known, stored)) await asked(redis.set(keys.secret(), known.toString('base64')));
    else known = stored;
    readAt = performance.now();
    return known;
  }

  async function readStored(): Promise<Buffer | null> {
    const text = await asked(redis.get(keys.secret()));
    return text === null ? null : Buffer.from(text, 'base64');
  }

  /** Returns the one that is there now. */
  async function store(own: Buffer): Promise<Buffer> {
    const text = await asked(redis.set(keys.secret(), own.toString('base64'), 'NX', 'GET'));
    return text === null ? own : Buffer.from(text, 'base64');
  }

  /** By the clock of Redis: one made on a host whose clock is slow would be the earliest of all. */
  async function makeSecret(): Promise<Buffer> {
    const now = numberOf('read-time', await run(redis, readTimeScript, [keys.secret()], []));
    return secretMadeAt(now);
  }

  return { refsOf, findByRef, cursorOf, clientIdOfCursor };
}

function secretMadeAt(now: number): Buffer {
  const time = Buffer.alloc(TIME_BYTES);
  time.writeBigUInt64BE(BigInt(now));
  return Buffer.concat([time, randomBytes(SECRET_BYTES)]);
}

/** One of the random bytes alone is earlier than any with a time. */
function isEarlier(one: Buffer, other: Buffer): boolean {
  return one.length === other.length ? Buffer.compare(one, other) < 0 : one.length < other.length;
}

function refOf(secret: Buffer, clientId: string): string {
  const tag = tagOf(secret, clientId);
  return tag + masked(secret, tag, bucketOf(clientId));
}

function tagOf(secret: Buffer, clientId: string): string {
  return keyed(secret, 'ref', clientId).digest('hex').slice(0, TAG_DIGITS);
}

/** Puts the mask of a tag on a bucket's three digits, or takes it off. */
function masked(secret: Buffer, tag: string, digits: string): string {
  const mask = keyed(secret, 'bucket', tag).digest('hex').slice(0, BUCKET_DIGITS);
  return (Number.parseInt(mask, 16) ^ Number.parseInt(digits, 16)).toString(16).padStart(BUCKET_DIGITS, '0');
}

function cursorKey(secret: Buffer): Buffer {
  return keyed(secret, 'cursor', '').digest();
}

/** One secret, and a use that keeps what is made for one thing apart from what is made for another. */
function keyed(secret: Buffer, use: string, text: string): Hmac {
  return createHmac('sha256', secret).update(`${use}:${text}`);
}
