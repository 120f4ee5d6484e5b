import { randomUUID } from 'node:crypto';
import { bucketOf } from '../keys.ts';
import { describe, expect, test } from 'vitest';
import type { NewClient } from '../broker.ts';
import { connect, openBroker, someone, stateOf } from '../testing/brokers.ts';

const { redis, keys, control, edge } = await openBroker();

async function registered(fields: Partial<NewClient> = {}): Promise<string> {
  const client = someone(fields);
  expect(await control.register(client, null)).toBe('registered');
  return client.clientId;
}

describe('releasing', () => {
  test('leaves the client without an owner, and remembers since when', async () => {
    const clientId = await registered({ registeredAt: 5 });
    const generation = await connect(edge, clientId, 'e1');
    const connected = await stateOf(control, clientId);
    expect(connected.owner).toEqual({ edge: 'e1', generation });
    expect(connected.since).toBeGreaterThan(5);
    await edge.release(clientId, 'e1', generation);
    const released = await stateOf(control, clientId);
    expect(released).toMatchObject({ owner: null, notify: [] });
    expect(released.since).toBeGreaterThanOrEqual(connected.since);
  });

  test('an older or a newer generation than the owner’s changes nothing', async () => {
    const clientId = await registered();
    const older = await connect(edge, clientId, 'e1');
    const generation = await connect(edge, clientId, 'e1');
    const before = await redis.hgetall(keys.client(clientId));
    await edge.release(clientId, 'e1', older);
    await edge.release(clientId, 'e1', generation + 1);
    expect(await redis.hgetall(keys.client(clientId))).toEqual(before);
  });

  test('whichever the edge has ends its ownership, and never that of another edge', async () => {
    const clientId = await registered();
    const generation = await connect(edge, clientId, 'e1');
    await edge.release(clientId, 'e2', 0);
    expect((await stateOf(control, clientId)).owner).toEqual({ edge: 'e1', generation });
    await edge.release(clientId, 'e1', 0);
    expect((await stateOf(control, clientId)).owner).toBeNull();
  });

  test('by the edge of an older connection ends that it is notified, and leaves the owner', async () => {
    for (const isExact of [true, false]) {
      const clientId = await registered();
      const older = await connect(edge, clientId, 'e1');
      const generation = await connect(edge, clientId, 'e2');
      expect((await stateOf(control, clientId)).notify).toEqual(['e2', 'e1']);
      await edge.release(clientId, 'e3', isExact ? older : 0);
      expect((await stateOf(control, clientId)).notify).toEqual(['e2', 'e1']);
      await edge.release(clientId, 'e1', isExact ? older : 0);
      expect(await stateOf(control, clientId)).toMatchObject({ owner: { edge: 'e2', generation }, notify: ['e2'] });
    }
  });

  test('a client that is not registered creates nothing', async () => {
    const clientId = randomUUID();
    await edge.release(clientId, 'e1', 0);
    await edge.release(clientId, 'e1', 7);
    expect(await redis.exists(keys.client(clientId))).toBe(0);
  });
});

describe('giving up a client for an edge that died', () => {
  test('leaves it without an owner, and its edge is notified all the same: it may only have been late', async () => {
    const clientId = await registered({ registeredAt: 5 });
    const owner = randomUUID();
    await connect(edge, clientId, owner);
    const owned = await stateOf(control, clientId);
    await control.markOwnerGone(owned);
    const given = await stateOf(control, clientId);
    expect(given).toMatchObject({ owner: null, notify: [owner] });
    expect(given.since).toBeGreaterThanOrEqual(owned.since);
    await control.changeTopics(clientId, { add: new Map([['news', '1-0 7']]) });
    expect(await edge.readPending(owner, 10)).toEqual([clientId]);
  });

  test('changes nothing when another connection owns it by now, or none did, or it was given up already', async () => {
    const clientId = await registered();
    const unowned = await stateOf(control, clientId);
    const generation = await connect(edge, clientId, 'e1');
    const owned = await stateOf(control, clientId);
    const later = await connect(edge, clientId, 'e1');
    for (const before of [unowned, owned]) await control.markOwnerGone(before);
    expect((await stateOf(control, clientId)).owner).toEqual({ edge: 'e1', generation: later });
    expect(later).toBeGreaterThan(generation);

    const latest = await stateOf(control, clientId);
    await control.markOwnerGone(latest);
    const marked = await redis.hgetall(keys.client(clientId));
    await control.markOwnerGone({ ...latest, since: 1 });
    expect(await redis.hgetall(keys.client(clientId))).toEqual(marked);
    await edge.release(clientId, 'e1', later);
    await control.markOwnerGone(latest);
    expect((await stateOf(control, clientId)).notify).toEqual([]);
  });

  test('of a client that is gone creates nothing', async () => {
    const clientId = await registered();
    await connect(edge, clientId, 'e1');
    const owned = await stateOf(control, clientId);
    await control.unregister(clientId);
    await control.markOwnerGone(owned);
    expect(await redis.exists(keys.client(clientId))).toBe(0);
  });

  test('lets a new connection have the client when it is open, above the generation that is gone', async () => {
    const clientId = await registered();
    const gone = await connect(edge, clientId, 'e1');
    await control.markOwnerGone(await stateOf(control, clientId));
    const asked = await edge.claim({ clientId, edge: 'e2' });
    expect(asked).toMatchObject({ kind: 'owned-by-other', client: { owner: null } });
    expect(await stateOf(control, clientId)).toMatchObject({
      owner: null,
      goneOwner: { edge: 'e1', generation: gone },
    });
    const generation = asked.kind === 'owned-by-other' ? asked.generation : 0;
    expect(await edge.claim({ clientId, edge: 'e2', generation })).toMatchObject({ kind: 'claimed', generation });
    const { owner, notify } = await stateOf(control, clientId);
    expect(owner?.generation).toBeGreaterThan(gone);
    expect(notify).toEqual(['e2', 'e1']);
  });

  test('lets the edge that was only late claim it again', async () => {
    const clientId = await registered();
    const generation = await connect(edge, clientId, 'e1');
    await control.markOwnerGone(await stateOf(control, clientId));
    expect(await edge.claim({ clientId, edge: 'e1', generation })).toMatchObject({ kind: 'claimed', generation });
    expect(await stateOf(control, clientId)).toMatchObject({ owner: { edge: 'e1', generation }, notify: ['e1'] });
  });

  test('makes it unused: it can be unregistered as such from then on, and the edge is notified', async () => {
    const clientId = await registered();
    const owner = randomUUID();
    await connect(edge, clientId, owner);
    const owned = await stateOf(control, clientId);
    expect(await control.unregisterUnused(owned)).toBe(false);
    await control.markOwnerGone(owned);
    expect(await control.unregisterUnused(await stateOf(control, clientId))).toBe(true);
    expect(await control.readClient(clientId)).toBeNull();
    expect(await edge.readPending(owner, 10)).toEqual([clientId]);
  });
});

describe('disconnecting', () => {
  test('is of the connections up to the present one, and its edge is notified, as is that of the one before', async () => {
    const clientId = await registered();
    const [older, owner] = [randomUUID(), randomUUID()];
    await connect(edge, clientId, older);
    const generation = await connect(edge, clientId, owner);
    expect(await control.disconnect(clientId)).toEqual({ connected: true });
    expect((await stateOf(control, clientId)).disconnectUpTo).toBe(generation);
    expect(await edge.readPending(owner, 10)).toEqual([clientId]);
    expect(await edge.readPending(older, 10)).toEqual([clientId]);
  });

  test('reports when there is no connection, or no client', async () => {
    const clientId = await registered();
    expect(await control.disconnect(clientId)).toEqual({ connected: false });
    expect((await stateOf(control, clientId)).disconnectUpTo).toBe(0);
    expect(await control.disconnect(randomUUID())).toBeNull();
    await connect(edge, clientId, 'e1');
    await control.markOwnerGone(await stateOf(control, clientId));
    expect(await control.disconnect(clientId)).toEqual({ connected: false });
  });

  test('is not of a later connection, however it claims the client', async () => {
    const clientId = await registered();
    await connect(edge, clientId, 'e1');
    await control.disconnect(clientId);
    const { disconnectUpTo } = await stateOf(control, clientId);
    const takenOver = await connect(edge, clientId, 'e2');
    await edge.release(clientId, 'e2', takenOver);
    const claimed = await connect(edge, clientId, 'e1');
    expect(Math.min(takenOver, claimed)).toBeGreaterThan(disconnectUpTo);
    expect((await stateOf(control, clientId)).disconnectUpTo).toBe(disconnectUpTo);
  });

  test('is not forgotten for a handshake that comes to nothing', async () => {
    const clientId = await registered();
    const generation = await connect(edge, clientId, 'e1');
    await control.disconnect(clientId);
    expect(await edge.claim({ clientId, edge: 'e2' })).toMatchObject({ kind: 'owned-by-other' });
    await edge.release(clientId, 'e2', 0);
    expect(await stateOf(control, clientId)).toMatchObject({
      owner: { edge: 'e1', generation },
      disconnectUpTo: generation,
    });
  });
});

describe('reading', () => {
  test('many clients gives them in the order asked, null for each that is not registered', async () => {
    const [one, two] = [await registered({ name: 'one' }), await registered({ name: 'two' })];
    const found = await control.readClients([two, randomUUID(), one, two]);
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
      ['load.x.12', '1732345678901-123456 1732345678'],
      ['load.x.7', '1732345678901-123456 1732345678'],
    ]);
    for (const clientId of ids) {
      await own.control.register(someone({ clientId, key: 'loadab', topics }), null);
      await connect(own.edge, clientId, 'edge-0a1b2c3d');
    }
    const [hash, bucket] = await Promise.all([
      own.redis.call('MEMORY', 'USAGE', own.keys.client(ids[0] ?? '')),
      own.redis.call('MEMORY', 'USAGE', own.keys.clientBucket('abc')),
    ]);
    expect(await own.redis.call('OBJECT', 'ENCODING', own.keys.client(ids[0] ?? ''))).toBe('listpack');
    expect(Number(hash) + Number(bucket) / IN_A_BUCKET).toBeLessThanOrEqual(MOST_BYTES);
  });
});
