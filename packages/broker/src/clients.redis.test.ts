import { randomUUID } from 'node:crypto';
import { bucketOf } from '@holdfast/protocol/keys';
import { describe, expect, test } from 'vitest';
import type { NewClient } from './broker.ts';
import { openBroker, someone } from './test-broker.ts';

const { redis, keys, control, edge } = await openBroker();

async function registered(fields: Partial<NewClient> = {}): Promise<string> {
  const client = someone(fields);
  expect(await control.register(client, null)).toBe('registered');
  return client.clientId;
}

describe('claiming', () => {
  test('reads the client and makes the connection its owner, in place of whoever was before', async () => {
    const clientId = await registered({ name: 'bob', topics: new Map([['news', '5-0']]) });
    const first = await edge.claim(clientId, 'e1', 'c1');
    expect(first).toMatchObject({ kind: 'claimed', previous: null, client: { name: 'bob' } });
    expect(first.kind === 'claimed' && first.client.topics).toEqual(new Map([['news', '5-0']]));
    expect(await edge.claim(clientId, 'e2', 'c2')).toMatchObject({
      kind: 'claimed',
      previous: { edge: 'e1', connection: 'c1' },
    });
    expect((await control.readClient(clientId))?.owner).toEqual({ edge: 'e2', connection: 'c2' });
  });

  test('of somebody who is not registered claims and creates nothing', async () => {
    const clientId = randomUUID();
    expect(await edge.claim(clientId, 'e1', 'c1')).toEqual({ kind: 'unknown' });
    expect(await edge.claim(clientId, 'e1', 'c1', { onlyIfUnowned: true })).toEqual({ kind: 'unknown' });
    expect(await redis.exists(keys.client(clientId))).toBe(0);
  });

  test('what nobody owns leaves alone what somebody does', async () => {
    const clientId = await registered();
    expect(await edge.claim(clientId, 'e1', 'c1', { onlyIfUnowned: true })).toMatchObject({ kind: 'claimed' });
    const owner = { edge: 'e1', connection: 'c1' };
    expect(await edge.claim(clientId, 'e2', 'c2', { onlyIfUnowned: true })).toMatchObject({
      kind: 'owned',
      client: { owner },
    });
    expect((await control.readClient(clientId))?.owner).toEqual(owner);
  });

  test('by many at once hands the client from one to the next: each was the previous of exactly one other', async () => {
    const clientId = await registered();
    const connections = Array.from({ length: 50 }, (_, index) => `c${index}`);
    const claims = await Promise.all(connections.map((connection) => edge.claim(clientId, 'e1', connection)));
    const previous = claims.map((claim) => (claim.kind === 'claimed' ? (claim.previous?.connection ?? 'nobody') : ''));
    const last = (await control.readClient(clientId))?.owner?.connection ?? '';
    expect([...previous, last].toSorted()).toEqual(['nobody', ...connections].toSorted());
  });
});

describe('releasing', () => {
  test('gives the client up', async () => {
    const clientId = await registered({ registeredAt: 5 });
    await edge.claim(clientId, 'e1', 'c1');
    const connected = await control.readClient(clientId);
    expect(connected?.since).toBeGreaterThan(5);
    await edge.release(clientId, 'e1', 'c1');
    const released = await control.readClient(clientId);
    expect(released?.owner).toBeNull();
    expect(released?.since).toBeGreaterThanOrEqual(connected?.since ?? Infinity);
  });

  test.each([
    ['e1', 'c2'],
    ['e2', 'c1'],
  ])('by anybody but its owner (%s, %s) changes nothing', async (byEdge, byConnection) => {
    const clientId = await registered();
    await edge.claim(clientId, 'e1', 'c1');
    const before = await control.readClient(clientId);
    await edge.release(clientId, byEdge, byConnection);
    expect(await control.readClient(clientId)).toEqual(before);
  });

  test('somebody who is not registered creates nothing', async () => {
    const clientId = randomUUID();
    await edge.release(clientId, 'e1', 'c1');
    expect(await redis.exists(keys.client(clientId))).toBe(0);
  });
});

describe('giving up a client for an edge that died', () => {
  test('leaves it without an owner', async () => {
    const clientId = await registered();
    await edge.claim(clientId, 'e1', 'c1');
    const state = await control.readClient(clientId);
    if (state !== null) await control.giveUp(state);
    expect((await control.readClient(clientId))?.owner).toBeNull();
  });

  test('changes nothing when somebody owns it by now, or nobody did', async () => {
    const clientId = await registered();
    const unowned = await control.readClient(clientId);
    await edge.claim(clientId, 'e1', 'c1');
    const owned = await control.readClient(clientId);
    await edge.claim(clientId, 'e2', 'c2');
    const now = await control.readClient(clientId);
    for (const before of [unowned, owned]) if (before !== null) await control.giveUp(before);
    expect(await control.readClient(clientId)).toEqual(now);
    expect(now?.owner).toEqual({ edge: 'e2', connection: 'c2' });
  });
});

describe('disconnecting', () => {
  test('marks the present connection as unwanted, and its edge hears of it', async () => {
    const clientId = await registered();
    const owner = randomUUID();
    await edge.claim(clientId, owner, 'c1');
    expect(await control.disconnect(clientId)).toEqual({ connected: true });
    expect((await control.readClient(clientId))?.unwanted).toBe('c1');
    expect(await edge.peekLetters(owner, 10)).toEqual([clientId]);
  });

  test('says when there is no connection, or no client', async () => {
    expect(await control.disconnect(await registered())).toEqual({ connected: false });
    expect(await control.disconnect(randomUUID())).toBeNull();
  });

  test('is over with the connection: neither the next one nor a release leaves the mark', async () => {
    const clientId = await registered();
    await edge.claim(clientId, 'e1', 'c1');
    await control.disconnect(clientId);
    await edge.claim(clientId, 'e1', 'c2');
    expect((await control.readClient(clientId))?.unwanted).toBeNull();
    await control.disconnect(clientId);
    await edge.release(clientId, 'e1', 'c2');
    expect((await control.readClient(clientId))?.unwanted).toBeNull();
  });
});

describe('reading', () => {
  test('many clients gives them in the order asked, null for each that is not registered', async () => {
    const [one, two] = [await registered({ name: 'one' }), await registered({ name: 'two' })];
    const found = await edge.readClients([two, randomUUID(), one, two]);
    expect(found.map((client) => client?.name ?? null)).toEqual(['two', null, 'one', 'two']);
    expect(await control.readClients([])).toEqual([]);
  });
});

describe('listing clients', () => {
  test('gives each of them once, in the order of ids, whatever the size of a page', async () => {
    const own = await openBroker();
    // Many in one bucket, the first, the last, and anywhere.
    const ids = [
      ...Array.from({ length: 30 }, () => `abc${randomUUID().slice(3)}`),
      `000${randomUUID().slice(3)}`,
      `fff${randomUUID().slice(3)}`,
      ...Array.from({ length: 30 }, () => randomUUID()),
    ];
    await Promise.all(ids.map((clientId) => own.control.register(someone({ clientId }), null)));
    for (const limit of [1, 7, 29, 61, 62, 63, 1000]) {
      const seen: string[] = [];
      let cursor: string | null = null;
      let pages = 0;
      do {
        const page = await own.control.listClients(cursor, limit);
        expect(page.items.length).toBeLessThanOrEqual(limit);
        seen.push(...page.items.map(({ clientId }) => clientId));
        cursor = page.cursor;
        pages += 1;
      } while (cursor !== null);
      expect(seen).toEqual(ids.toSorted());
      expect(pages).toBe(Math.ceil(ids.length / limit));
    }
  });

  test('passes over an entry whose client is gone', async () => {
    const own = await openBroker();
    const [kept, gone] = [randomUUID(), randomUUID()];
    await own.control.register(someone({ clientId: kept }), null);
    await own.redis.zadd(own.keys.clientBucket(bucketOf(gone)), 0, gone);
    const { items, cursor } = await own.control.listClients(null, 10);
    expect(items.map(({ clientId }) => clientId)).toEqual([kept]);
    expect(cursor).toBeNull();
  });

  test('goes on behind a cursor whose client is gone by now', async () => {
    const own = await openBroker();
    const ids = Array.from({ length: 3 }, () => randomUUID()).toSorted();
    for (const clientId of ids) await own.control.register(someone({ clientId }), null);
    const { cursor } = await own.control.listClients(null, 2);
    await own.control.unregister(cursor ?? '');
    expect((await own.control.listClients(cursor, 2)).items.map(({ clientId }) => clientId)).toEqual(ids.slice(2));
  });
});

describe('memory', () => {
  /** The aim of the design, for a registered client with two topics. */
  const MOST_BYTES = 400;
  /** As in an installation of 50,000 clients: some 12 in each of 4,096 buckets. */
  const IN_A_BUCKET = 12;

  test('a connected client with two topics costs little', async () => {
    const own = await openBroker();
    const ids = Array.from({ length: IN_A_BUCKET }, () => `abc${randomUUID().slice(3)}`);
    const topics = new Map([
      ['load.x.12', '1732345678901-0'],
      ['load.x.7', '1732345678901-0'],
    ]);
    for (const clientId of ids) {
      await own.control.register(someone({ clientId, key: 'loadab', topics }), null);
      await own.edge.claim(clientId, 'edge-0a1b2c3d', 'a1b2c3d4');
    }
    const [hash, bucket] = await Promise.all([
      own.redis.call('MEMORY', 'USAGE', own.keys.client(ids[0] ?? '')),
      own.redis.call('MEMORY', 'USAGE', own.keys.clientBucket('abc')),
    ]);
    expect(await own.redis.call('OBJECT', 'ENCODING', own.keys.client(ids[0] ?? ''))).toBe('listpack');
    expect(Number(hash) + Number(bucket) / IN_A_BUCKET).toBeLessThanOrEqual(MOST_BYTES);
  });
});
