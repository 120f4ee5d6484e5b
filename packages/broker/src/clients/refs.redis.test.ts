import { randomBytes, randomUUID } from 'node:crypto';
import { redisKeys } from '../keys.ts';
import { eventually } from '@holdfast/testkit/eventually';
import { prefix } from '@holdfast/testkit/redis';
import { describe, expect, test, vi } from 'vitest';
import { refStore } from './refs.ts';
import { openBroker, someone } from '../testing/brokers.ts';

/** Every process reads the secret twice in ten seconds, and on a busy machine later. */
const TWICE_FRESH = { timeoutMs: 60_000 };
const AN_HOUR_MS = 3_600_000;

const { redis, keys, control } = await openBroker();

async function registered(clientId: string = randomUUID()): Promise<string> {
  expect(await control.register(someone({ clientId }), null)).toBe('registered');
  return clientId;
}

const refOf = async (clientId: string) => (await control.refsOf([clientId]))[0] ?? '';

describe('the ref of a client', () => {
  test('is 16 hexadecimal digits, the same each time, and leads back to the client while it is registered', async () => {
    const clientId = await registered();
    const ref = await refOf(clientId);
    expect(ref).toMatch(/^[0-9a-f]{16}$/);
    expect(await refOf(clientId)).toBe(ref);
    expect(await control.findByRef(ref)).toBe(clientId);
    await control.unregister(clientId);
    expect(await control.findByRef(ref)).toBeNull();
    expect(await control.findByRef('0123456789abcdef')).toBeNull();
  });

  test('is found in a bucket of thousands', async () => {
    const bucket = Array.from({ length: 1_501 }, () => `abc${randomUUID().slice(3)}`);
    await redis.zadd(keys.clientBucket('abc'), ...bucket.flatMap((clientId) => [0, clientId]));
    const sorted = bucket.toSorted();
    for (const clientId of [sorted[0], sorted[499], sorted[500], sorted[1_500]]) {
      expect(await control.findByRef(await refOf(clientId ?? ''))).toBe(clientId);
    }
    await redis.del(keys.clientBucket('abc'));
  });

  test('shows neither the id nor which clients share a bucket', async () => {
    const ids = Array.from({ length: 512 }, () => `abc${randomUUID().slice(3)}`);
    const refs = await control.refsOf(ids);
    expect(new Set(refs).size).toBe(ids.length);
    // A mask that were the same for all would leave one ending; 512 of 4,096 leave some 480 different ones.
    expect(new Set(refs.map((ref) => ref.slice(13))).size).toBeGreaterThan(400);
    expect(new Set(refs.map((ref) => ref.slice(0, 3))).size).toBeGreaterThan(400);
  });

  test('is the same to every process, also when they begin at once, and another one in another installation', async () => {
    const own = redisKeys(prefix());
    const clientId = randomUUID();
    const refs = await Promise.all(Array.from({ length: 20 }, () => refStore(redis, own).refsOf([clientId])));
    expect(new Set(refs.flat()).size).toBe(1);
    expect(refs[0]?.[0]).not.toBe(await refOf(clientId));
    await redis.del(own.secret());
  });

  test('survives a Redis that lost its data: a process with the secret puts it back', async () => {
    const own = redisKeys(prefix());
    const first = refStore(redis, own);
    const clientId = randomUUID();
    const [before] = await first.refsOf([clientId]);
    await redis.del(own.secret());
    await eventually(async () => {
      expect(await first.refsOf([clientId])).toEqual([before]);
      expect(await redis.exists(own.secret())).toBe(1);
    });
    expect(await refStore(redis, own).refsOf([clientId])).toEqual([before]);
    await redis.del(own.secret());
  });

  test('survives it also where a process that did not know the secret made another one first', async () => {
    const own = redisKeys(prefix());
    const first = refStore(redis, own);
    const clientId = randomUUID();
    const [before] = await first.refsOf([clientId]);
    await redis.del(own.secret());
    const second = refStore(redis, own);
    const [between] = await second.refsOf([clientId]);
    expect(between).not.toBe(before);
    await eventually(async () => {
      expect(await first.refsOf([clientId])).toEqual([before]);
      expect(await second.refsOf([clientId])).toEqual([before]);
    }, TWICE_FRESH);
    expect(await refStore(redis, own).refsOf([clientId])).toEqual([before]);
    await redis.del(own.secret());
  });

  test('is the one of the earliest secret, whoever puts theirs back last', async () => {
    const own = redisKeys(prefix());
    const clientId = randomUUID();
    const stores: ReturnType<typeof refStore>[] = [];
    const found: string[] = [];
    for (let made = 0; made < 3; made += 1) {
      await redis.del(own.secret());
      const store = refStore(redis, own);
      stores.unshift(store);
      found.push(...(await store.refsOf([clientId])));
    }
    expect(new Set(found).size).toBe(3);
    await eventually(async () => {
      const refs = await Promise.all([...stores, refStore(redis, own)].map((store) => store.refsOf([clientId])));
      expect(refs.flat()).toEqual(Array.from(refs, () => found[0]));
    }, TWICE_FRESH);
    await redis.del(own.secret());
  });

  test('is not the one of a host whose clock is slow, and that made another secret first', async () => {
    const own = redisKeys(prefix());
    const first = refStore(redis, own);
    const clientId = randomUUID();
    const [before] = await first.refsOf([clientId]);
    await redis.del(own.secret());
    const slow = refStore(redis, own);
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() - AN_HOUR_MS);
    const [between] = await slow.refsOf([clientId]);
    clock.mockRestore();
    expect(between).not.toBe(before);
    await eventually(async () => {
      const refs = await Promise.all([first, slow].map((store) => store.refsOf([clientId])));
      expect(refs).toEqual([[before], [before]]);
    }, TWICE_FRESH);
    await redis.del(own.secret());
  });

  test('stays what it was with a secret that is its random bytes alone', async () => {
    const own = redisKeys(prefix());
    const clientId = randomUUID();
    const later = refStore(redis, own);
    await later.refsOf([clientId]);
    await redis.set(own.secret(), randomBytes(32).toString('base64'));
    const [before] = await refStore(redis, own).refsOf([clientId]);
    await eventually(async () => expect(await later.refsOf([clientId])).toEqual([before]), TWICE_FRESH);
    expect(await refStore(redis, own).refsOf([clientId])).toEqual([before]);
    await redis.del(own.secret());
  });
});

describe('a cursor', () => {
  test('leads back to the id without showing it', async () => {
    const clientId = randomUUID();
    const cursor = await control.cursorOf(clientId);
    expect(cursor).toMatch(/^[0-9a-f]{32}$/);
    expect(cursor).not.toBe(clientId.replaceAll('-', ''));
    expect(await control.clientIdOfCursor(cursor)).toBe(clientId);
  });

  test('that was never given is the id of no client', async () => {
    expect(await control.clientIdOfCursor('0'.repeat(32))).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });
});
