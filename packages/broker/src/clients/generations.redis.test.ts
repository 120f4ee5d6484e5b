import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ClaimOutcome, ClaimRequest } from '../broker.ts';
import { edgeBroker } from '../redis-broker.ts';
import { connect, openBroker, someone, stateOf } from '../testing/brokers.ts';
import { someKey } from '../testing/intent-log.ts';

const { redis, prefix, keys, control, edge } = await openBroker();
/** Edges of their own: each sends its claims by itself. */
const edges = Array.from({ length: 50 }, () => edgeBroker(redis, prefix));

const HOUR_US = 3_600_000_000;
/** Of the random step, with what tells the claims of one call apart. */
const MOST_STEPS = 1_000_100;

async function registered(): Promise<string> {
  const client = someone({ key: someKey(), name: 'bob', topics: new Map([['news', '5-0 7']]) });
  expect(await control.register(client, null)).toBe('registered');
  return client.clientId;
}

const hashOf = (clientId: string) => redis.hgetall(keys.client(clientId));

async function generationOf(request: ClaimRequest, kind: ClaimOutcome['kind']): Promise<number> {
  const outcome = await edge.claim(request);
  expect(outcome.kind).toBe(kind);
  return 'generation' in outcome ? outcome.generation : 0;
}

/** Sets a client's generation to an hour from now, as if Redis' clock were behind. Gives it. */
async function setClockBehind(clientId: string): Promise<number> {
  const ahead = Date.now() * 1000 + HOUR_US;
  await redis.hset(keys.client(clientId), 'c', ahead);
  return ahead;
}

describe('a new connection', () => {
  test('owns a client that has no owner, and reads its state as it was', async () => {
    const clientId = await registered();
    const before = await stateOf(control, clientId);
    const outcome = await edge.claim({ clientId, edge: 'e1' });
    expect(outcome).toMatchObject({ kind: 'claimed', client: before });
    const { owner, notify } = await stateOf(control, clientId);
    expect(owner).toEqual({ edge: 'e1', generation: outcome.kind === 'claimed' && outcome.generation });
    expect(notify).toEqual(['e1']);
  });

  test('of a client that is not registered gets nothing and creates nothing', async () => {
    const clientId = randomUUID();
    expect(await edge.claim({ clientId, edge: 'e1' })).toEqual({ kind: 'not-found' });
    expect(await edge.claim({ clientId, edge: 'e1', generation: 7 })).toEqual({ kind: 'not-found' });
    expect(await redis.exists(keys.client(clientId))).toBe(0);
  });

  test('changes nothing of a client that has an owner, and learns a higher generation, which is noted', async () => {
    const clientId = await registered();
    const first = await connect(edge, clientId, 'e1');
    const before = await hashOf(clientId);
    const outcome = await edge.claim({ clientId, edge: 'e2' });
    expect(outcome).toMatchObject({
      kind: 'owned-by-other',
      client: { name: 'bob', owner: { edge: 'e1', generation: first } },
    });
    expect(outcome.kind === 'owned-by-other' && outcome.generation).toBeGreaterThan(first);
    const { q, ...after } = await hashOf(clientId);
    expect(after).toEqual(before);
    expect(Number(q)).toBe(outcome.kind === 'owned-by-other' && outcome.generation);
    const taking = outcome.kind === 'owned-by-other' ? outcome.generation : 0;
    await edge.claim({ clientId, edge: 'e2', generation: taking });
    expect(await hashOf(clientId)).not.toHaveProperty('q');
  });

  test('of several of one client has a higher generation than those before, also with a clock behind', async () => {
    const clientId = await registered();
    await connect(edge, clientId, 'e1');
    let highest = await setClockBehind(clientId);
    const given: number[] = [];
    for (let handshake = 0; handshake < 20; handshake += 1) {
      const generation = await generationOf({ clientId, edge: 'e2' }, 'owned-by-other');
      expect(generation).toBeGreaterThan(highest);
      given.push((highest = generation));
    }
    // The first one is slow to take over; the last one does so after it, and stays.
    const [slow = 0] = given;
    expect(await generationOf({ clientId, edge: 'e2', generation: slow }, 'claimed')).toBe(slow);
    expect(await generationOf({ clientId, edge: 'e3', generation: highest }, 'claimed')).toBe(highest);
    await generationOf({ clientId, edge: 'e2', generation: slow }, 'owned-by-other');
    expect(await hashOf(clientId)).not.toHaveProperty('q');
  });

  test('of many at once is the owner once, and the others learn higher generations, each another', async () => {
    const clientId = await registered();
    const outcomes = await Promise.all(edges.map((one, index) => one.claim({ clientId, edge: `e${index}` })));
    const owners = outcomes.filter(({ kind }) => kind === 'claimed');
    expect(owners).toHaveLength(1);
    const generations = outcomes.map((outcome) => ('generation' in outcome ? outcome.generation : 0));
    const [owner] = owners;
    expect(Math.min(...generations)).toBe(owner && 'generation' in owner && owner.generation);
    expect(new Set(generations).size).toBe(50);
  });
});

describe('taking over', () => {
  test('makes the connection the owner, and the edge of the previous one is notified until it has released it', async () => {
    const clientId = await registered();
    const first = await connect(edge, clientId, 'e1');
    const second = await connect(edge, clientId, 'e2');
    expect(second).toBeGreaterThan(first);
    expect(await stateOf(control, clientId)).toMatchObject({
      owner: { edge: 'e2', generation: second },
      notify: ['e2', 'e1'],
    });
    await edge.release(clientId, 'e1', first);
    expect(await stateOf(control, clientId)).toMatchObject({
      owner: { edge: 'e2', generation: second },
      notify: ['e2'],
    });
  });

  test('notifies the previous edge also when the owner is gone by then', async () => {
    const clientId = await registered();
    const first = await connect(edge, clientId, 'e1');
    const second = await connect(edge, clientId, 'e2');
    await edge.release(clientId, 'e2', second);
    expect((await stateOf(control, clientId)).notify).toEqual(['e1']);
    await edge.release(clientId, 'e1', first);
    expect((await stateOf(control, clientId)).notify).toEqual([]);
  });

  test('on the same edge leaves no previous edge, and back on the first one exchanges them', async () => {
    const clientId = await registered();
    await connect(edge, clientId, 'e1');
    await connect(edge, clientId, 'e1');
    expect((await stateOf(control, clientId)).notify).toEqual(['e1']);
    await connect(edge, clientId, 'e2');
    await connect(edge, clientId, 'e1');
    expect((await stateOf(control, clientId)).notify).toEqual(['e1', 'e2']);
  });

  test.each([
    { order: 'the order of their handshakes', isHigherFirst: false, kinds: ['claimed', 'claimed'] },
    { order: 'the other order', isHigherFirst: true, kinds: ['claimed', 'owned-by-other'] },
  ])('by two leaves the one with the higher generation, when they come in $order', async ({ isHigherFirst, kinds }) => {
    const clientId = await registered();
    await connect(edge, clientId, 'e0');
    const lower = { clientId, edge: 'e1', generation: await generationOf({ clientId, edge: 'e1' }, 'owned-by-other') };
    const higher = { clientId, edge: 'e2', generation: await generationOf({ clientId, edge: 'e2' }, 'owned-by-other') };
    expect(higher.generation).toBeGreaterThan(lower.generation);
    const found: string[] = [];
    for (const request of isHigherFirst ? [higher, lower] : [lower, higher]) {
      found.push((await edge.claim(request)).kind);
    }
    expect(found).toEqual(kinds);
    expect((await stateOf(control, clientId)).owner).toEqual({ edge: 'e2', generation: higher.generation });
  });

  test('with a lower generation changes nothing, and reads whose the client is', async () => {
    const clientId = await registered();
    const first = await connect(edge, clientId, 'e1');
    const second = await connect(edge, clientId, 'e2');
    const before = await redis.dumpBuffer(keys.client(clientId));
    expect(await edge.claim({ clientId, edge: 'e1', generation: first })).toMatchObject({
      kind: 'owned-by-other',
      client: { owner: { edge: 'e2', generation: second } },
    });
    expect(await redis.dumpBuffer(keys.client(clientId))).toEqual(before);
  });

  test('by many at once only ever raises the generation', async () => {
    const clientId = await registered();
    await connect(edge, clientId, 'e0');
    const over = new AbortController();
    const seen: number[] = [];
    const watching = (async () => {
      while (!over.signal.aborted) seen.push((await stateOf(control, clientId)).owner?.generation ?? 0);
    })();
    const taken = await Promise.all(
      edges.map(async (one, index) => {
        const request = { clientId, edge: `e${index}` };
        const learned = await one.claim(request);
        const generation = learned.kind === 'owned-by-other' ? learned.generation : 0;
        const outcome = await one.claim({ ...request, generation });
        return outcome.kind === 'claimed' ? generation : 0;
      }),
    );
    over.abort();
    await watching;
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect((await stateOf(control, clientId)).owner?.generation).toBe(Math.max(...taken));
  });
});

describe('claiming again', () => {
  test('by the owner changes nothing', async () => {
    const clientId = await registered();
    const generation = await connect(edge, clientId, 'e1');
    const before = await redis.dumpBuffer(keys.client(clientId));
    expect(await edge.claim({ clientId, edge: 'e1', generation })).toMatchObject({ kind: 'claimed', generation });
    expect(await redis.dumpBuffer(keys.client(clientId))).toEqual(before);
  });

  test.each([{ first: 'older' }, { first: 'newer' }])(
    'on a Redis that has lost its last writes leaves the newer connection, when the $first one comes first',
    async ({ first }) => {
      const clientId = await registered();
      const older = { clientId, edge: 'e1', generation: await connect(edge, clientId, 'e1') };
      const lost = await redis.dumpBuffer(keys.client(clientId));
      const newer = { clientId, edge: 'e2', generation: await connect(edge, clientId, 'e2') };
      await redis.restore(keys.client(clientId), 0, lost, 'REPLACE');
      const found: string[] = [];
      for (const request of first === 'older' ? [older, newer, older] : [newer, older]) {
        found.push((await edge.claim(request)).kind);
      }
      expect(found).toEqual(
        first === 'older' ? ['claimed', 'claimed', 'owned-by-other'] : ['claimed', 'owned-by-other'],
      );
      const owner = { edge: 'e2', generation: newer.generation };
      expect(await edge.claim(older)).toMatchObject({ kind: 'owned-by-other', client: { owner } });
      expect(await stateOf(control, clientId)).toMatchObject({ owner, notify: ['e2', 'e1'] });
    },
  );

  test('works with the same generation when Redis has lost the claim altogether', async () => {
    const clientId = await registered();
    const lost = await redis.dumpBuffer(keys.client(clientId));
    const generation = await connect(edge, clientId, 'e1');
    await redis.restore(keys.client(clientId), 0, lost, 'REPLACE');
    expect(await edge.claim({ clientId, edge: 'e1', generation })).toMatchObject({ kind: 'claimed', generation });
    expect((await stateOf(control, clientId)).owner).toEqual({ edge: 'e1', generation });
  });

  test('works when there is no owner any more, also after a newer one came and went, then above that one', async () => {
    const clientId = await registered();
    const generation = await connect(edge, clientId, 'e1');
    const newer = await connect(edge, clientId, 'e2');
    await edge.release(clientId, 'e2', newer);
    const again = await generationOf({ clientId, edge: 'e1', generation }, 'claimed');
    expect(again).toBeGreaterThan(newer);
    expect(await stateOf(control, clientId)).toMatchObject({
      owner: { edge: 'e1', generation: again },
      notify: ['e1'],
    });
    await edge.release(clientId, 'e1', again);
    expect((await stateOf(control, clientId)).notify).toEqual([]);
  });

  test('for another registration of the same id changes nothing and is not found', async () => {
    const clientId = await registered();
    const generation = await connect(edge, clientId, 'e1');
    const { incarnation } = await stateOf(control, clientId);
    await control.unregister(clientId);
    await control.register(someone({ clientId }), null);
    const before = await redis.dumpBuffer(keys.client(clientId));
    const request = { clientId, edge: 'e1', incarnation };
    expect(await edge.claim({ ...request, generation })).toEqual({ kind: 'not-found' });
    expect(await edge.claim(request)).toEqual({ kind: 'not-found' });
    expect(await redis.dumpBuffer(keys.client(clientId))).toEqual(before);
    const own = (await stateOf(control, clientId)).incarnation;
    expect(await edge.claim({ clientId, edge: 'e1', incarnation: own })).toMatchObject({ kind: 'claimed' });
  });
});

describe('with the clock of Redis behind', () => {
  test('generations still only grow, by a random step', async () => {
    const clientId = await registered();
    await connect(edge, clientId, 'e1');
    const ahead = await setClockBehind(clientId);
    const dump = await redis.dumpBuffer(keys.client(clientId));
    const steps = new Set<number>();
    for (let round = 0; round < 5; round += 1) {
      await redis.restore(keys.client(clientId), 0, dump, 'REPLACE');
      const step = (await connect(edge, clientId, 'e2')) - ahead;
      expect(step).toBeGreaterThanOrEqual(1);
      expect(step).toBeLessThanOrEqual(MOST_STEPS);
      steps.add(step);
    }
    // Of five from the same state at least one would differ from the others even if four were the same by chance.
    expect(steps.size).toBeGreaterThan(1);
  });

  test('an older connection gets its client back below all handshakes that are under way', async () => {
    const clientId = await registered();
    const older = await connect(edge, clientId, 'e1');
    await setClockBehind(clientId);
    for (let round = 0; round < 10; round += 1) {
      const first = await generationOf({ clientId, edge: 'e2' }, 'owned-by-other');
      expect(await generationOf({ clientId, edge: 'e3' }, 'owned-by-other')).toBeGreaterThan(first);
      await edge.release(clientId, 'e1', Number((await hashOf(clientId))['c']));
      const back = await generationOf({ clientId, edge: 'e1', generation: older }, 'claimed');
      expect(back).toBeLessThan(first);
      expect(await generationOf({ clientId, edge: 'e2', generation: first }, 'claimed')).toBe(first);
    }
  });

  test('a client without an owner is claimed above every generation before', async () => {
    const clientId = await registered();
    await edge.release(clientId, 'e1', await connect(edge, clientId, 'e1'));
    const ahead = await setClockBehind(clientId);
    const generation = await generationOf({ clientId, edge: 'e1' }, 'claimed');
    expect(generation).toBeGreaterThan(ahead);
    await edge.release(clientId, 'e1', generation);
    expect(await generationOf({ clientId, edge: 'e2', generation: 7 }, 'claimed')).toBeGreaterThan(generation);
  });
});
