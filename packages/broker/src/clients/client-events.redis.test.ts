import { randomUUID } from 'node:crypto';
import type { DisconnectReason } from '@holdfast/protocol/events';
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '@holdfast/testkit/eventually';
import { NO_IDENTITY } from './identity.ts';
import { connectionName } from './state.ts';
import { controlBroker, edgeBroker } from '../redis-broker.ts';
import { connect, dyingAfter, openBroker, recordingScripts, someone, stateOf } from '../testing/brokers.ts';
import { testEvents } from '../testing/events.ts';

const its = await openBroker();
const { redis, keys, control, edge } = its;
const events = testEvents(redis, its);

const ALL = {
  'client.registered': null,
  'client.unregistered': null,
  'client.connected': null,
  'client.disconnected': null,
};
beforeEach(() => events.want(ALL));
afterEach(() => events.end());

const NAME = 'ann "the" \\ first/1\u0001';

async function registered(): Promise<string> {
  const client = someone({ key: 'mobile', name: null, identity: { ...NO_IDENTITY, user: 'ann/ž' } });
  await control.register(client, null);
  return client.clientId;
}

/** What was written of a client: its connections by edge and how each ended. */
async function storyOf(clientId: string): Promise<string[]> {
  return (await events.ofClient(clientId)).map(({ type, data }) => {
    const parts = [type.replace('client.', ''), data['edge'], data['reason']] as (string | undefined)[];
    return parts.filter((part) => part !== undefined).join(' ');
  });
}

describe('events of a client', () => {
  test('have what is known of it and of its connection, in the form of the contract', async () => {
    const client = someone({ name: NAME, identity: { ...NO_IDENTITY, user: 'ann/ž' } });
    const { clientId } = client;
    await control.register(client, null);
    const generation = await connect(edge, clientId, 'e1');
    await edge.release(clientId, 'e1', generation, 'closed');
    await control.unregister(clientId);
    const known = { name: NAME, user: 'ann/ž', key: 'mobile' };
    const connection = { ...known, edge: 'e1', connection: connectionName(generation) };
    expect(await events.ofClient(clientId)).toEqual([
      { id: expect.any(String) as string, clientId, type: 'client.registered', data: known },
      { id: expect.any(String) as string, clientId, type: 'client.connected', data: connection },
      {
        id: expect.any(String) as string,
        clientId,
        type: 'client.disconnected',
        data: { ...connection, reason: 'closed' },
      },
      { id: expect.any(String) as string, clientId, type: 'client.unregistered', data: known },
    ]);
  });

  test('of one without a name and a user say null', async () => {
    const client = someone();
    await control.register(client, null);
    expect(await events.ofClient(client.clientId)).toMatchObject([{ data: { name: null, user: null, key: 'mobile' } }]);
  });

  test('name connections as they are known elsewhere, whatever the generation', async () => {
    for (const generation of [1, 35, 36, 1_764_341_234_567_890, Number.MAX_SAFE_INTEGER]) {
      const clientId = await registered();
      await redis.hset(keys.client(clientId), { e: 'e1', c: generation });
      await edge.release(clientId, 'e1', generation, 'closed');
      expect((await events.ofClient(clientId)).at(-1)?.data['connection']).toBe(connectionName(generation));
    }
  });

  test('note their partition as changed', async () => {
    const clientId = await registered();
    const { name } = events.partitions.partitionOf(keys.client(clientId));
    await eventually(async () => expect(await events.changed()).toContain(name));
  });
});

describe('a connection ends', () => {
  test.each(['closed', 'lost', 'drained', 'slow', 'expired'] as const)(
    'as its edge says: %s',
    async (reason: DisconnectReason) => {
      const clientId = await registered();
      await edge.release(clientId, 'e1', await connect(edge, clientId, 'e1'), reason);
      expect(await storyOf(clientId)).toEqual(['registered', 'connected e1', `disconnected e1 ${reason}`]);
    },
  );

  test('replaced, when a newer one takes its place, and once: its own end is no other', async () => {
    const clientId = await registered();
    const first = await connect(edge, clientId, 'e1');
    const claim = await edge.claim({ clientId, edge: 'e2' });
    expect(claim.kind).toBe('owned-by-other');
    expect(await storyOf(clientId)).toEqual(['registered', 'connected e1']);
    const second = await connect(edge, clientId, 'e2');
    await edge.release(clientId, 'e1', first, 'replaced');
    await edge.release(clientId, 'e2', second, 'closed');
    const story = ['registered', 'connected e1', 'disconnected e1 replaced', 'connected e2', 'disconnected e2 closed'];
    expect(await storyOf(clientId)).toEqual(story);
    const ended = (await events.ofClient(clientId)).filter(({ type }) => type === 'client.disconnected');
    expect(ended.map(({ data }) => data['connection'])).toEqual([first, second].map(connectionName));
  });

  test('unregistered, before its client is', async () => {
    const clientId = await registered();
    const generation = await connect(edge, clientId, 'e1');
    await control.unregister(clientId);
    await edge.release(clientId, 'e1', generation, 'unregistered');
    expect(await storyOf(clientId)).toEqual([
      'registered',
      'connected e1',
      'disconnected e1 unregistered',
      'unregistered',
    ]);
  });

  test('edge-died, when its owner is marked as gone, and only then', async () => {
    const clientId = await registered();
    const generation = await connect(edge, clientId, 'e1');
    const found = await stateOf(control, clientId);
    await Promise.all([control.markOwnerGone(found), control.markOwnerGone(found)]);
    const story = ['registered', 'connected e1', 'disconnected e1 edge-died'];
    expect(await storyOf(clientId)).toEqual(story);
    await edge.release(clientId, 'e1', generation, 'closed');
    expect(await storyOf(clientId)).toEqual(story);
    await connect(edge, clientId, 'e2');
    await control.markOwnerGone(found);
    await control.unregister(clientId);
    const rest = ['connected e2', 'disconnected e2 unregistered', 'unregistered'];
    expect(await storyOf(clientId)).toEqual([...story, ...rest]);
  });

  test('of a client that was marked as gone has no other end when it is unregistered', async () => {
    const clientId = await registered();
    await connect(edge, clientId, 'e1');
    await control.markOwnerGone(await stateOf(control, clientId));
    await control.unregister(clientId);
    expect((await storyOf(clientId)).slice(-2)).toEqual(['disconnected e1 edge-died', 'unregistered']);
  });
});

test('an edge that was only late is connected again', async () => {
  const clientId = await registered();
  const generation = await connect(edge, clientId, 'e1');
  await control.markOwnerGone(await stateOf(control, clientId));
  expect(await edge.claim({ clientId, edge: 'e1', generation })).toMatchObject({ kind: 'claimed', generation });
  await edge.claim({ clientId, edge: 'e1', generation });
  const story = ['registered', 'connected e1', 'disconnected e1 edge-died', 'connected e1'];
  expect(await storyOf(clientId)).toEqual(story);
});

test('what changes nothing writes nothing: another claim, another release, another registration of the id', async () => {
  const clientId = await registered();
  const generation = await connect(edge, clientId, 'e1');
  const before = await storyOf(clientId);
  await edge.claim({ clientId, edge: 'e1', generation });
  await edge.claim({ clientId, edge: 'e2' });
  await edge.release(clientId, 'e2', 0, 'lost');
  await edge.release(clientId, 'e1', generation - 1, 'lost');
  await control.register(someone({ clientId }), null);
  await control.unregisterUnused({ ...(await stateOf(control, clientId)), since: 1 });
  expect(await storyOf(clientId)).toEqual(before);
});

test('claims of one moment write each to the stream of its client', async () => {
  const clientIds = await Promise.all(Array.from({ length: 60 }, () => registered()));
  await Promise.all(clientIds.map((clientId, index) => edge.claim({ clientId, edge: `e${index}` })));
  for (const [index, clientId] of clientIds.entries()) {
    expect(await storyOf(clientId)).toEqual(['registered', `connected e${index}`]);
  }
});

test('whatever edges do at once, each connection is written once, and its end before the next', async () => {
  const clientId = await registered();
  const live = async (at: string) => {
    for (let round = 0; round < 20; round += 1) {
      const outcome = await edge.claim({ clientId, edge: at });
      if (!('generation' in outcome)) throw new Error(outcome.kind);
      const { generation } = outcome;
      if (outcome.kind === 'owned-by-other') await edge.claim({ clientId, edge: at, generation });
      if (round % 3 === 0) await control.markOwnerGone(await stateOf(control, clientId));
      await edge.release(clientId, at, generation, 'closed');
    }
  };
  await Promise.all(['e1', 'e2', 'e3', 'e4'].map((at) => live(at)));
  await control.unregister(clientId);
  const written = (await events.ofClient(clientId)).slice(1, -1);
  const connections = written.map(({ data }) => JSON.stringify([data['edge'], data['connection']]));
  const begun = connections.filter((_, index) => index % 2 === 0);
  expect(written.map(({ type }) => type)).toEqual(begun.flatMap(() => ['client.connected', 'client.disconnected']));
  expect(connections).toEqual(begun.flatMap((one) => [one, one]));
  expect(new Set(begun).size).toBeGreaterThan(1);
  expect(written.length).toBeGreaterThan(20);
});

async function whole(clientId: string): Promise<void> {
  await connect(edge, clientId, 'e1');
  await connect(edge, clientId, 'e2');
  await control.unregister(clientId);
}

describe('only what is wanted is written', () => {
  test.each(Object.keys(ALL))('%s alone', async (type) => {
    await events.want({ [type]: null });
    const clientId = await registered();
    await whole(clientId);
    const types = (await events.ofClient(clientId)).map((event) => event.type);
    expect(new Set(types)).toEqual(new Set([type]));
  });

  test('nothing, when nothing is', async () => {
    await events.end();
    const clientId = await registered();
    await whole(clientId);
    const other = await registered();
    await connect(edge, other, 'e1');
    await control.markOwnerGone(await stateOf(control, other));
    expect(await events.ofClient(clientId)).toEqual([]);
    expect(await events.ofClient(other)).toEqual([]);
  });
});

/** Of each script of a whole life how many keys and arguments it has. */
async function sizesOfScripts(): Promise<[keys: number, args: number][]> {
  const { redis: recording, calls } = recordingScripts(redis);
  await lives(recording, randomUUID());
  return calls.map(([, count, ...rest]) => [Number(count), rest.length - Number(count)]);
}

test('while none is wanted scripts have no key more, and no argument', async () => {
  const on = await sizesOfScripts();
  await events.end();
  const off = await sizesOfScripts();
  expect(off).toHaveLength(on.length);
  const more = on.map(([count, args], index) => [count - (off[index]?.[0] ?? 0), args - (off[index]?.[1] ?? 0)]);
  const [register, claim, release, mark, unregister] = [
    [1, 0],
    [1, 1],
    [1, 1],
    [1, 0],
    [1, 1],
  ];
  expect(more.filter((size) => String(size) !== '0,0')).toEqual([register, claim, release, claim, mark, unregister]);
});

/** A whole life of a client. */
async function lives(connection: Redis, clientId: string): Promise<void> {
  const [own, ownEdge] = [controlBroker(connection, its.prefix), edgeBroker(connection, its.prefix)];
  await Promise.all([own.refreshEvents(), ownEdge.refreshEvents()]);
  await own.register(someone({ clientId }), null);
  const outcome = await ownEdge.claim({ clientId, edge: 'e1' });
  if (outcome.kind !== 'claimed') throw new Error(outcome.kind);
  await ownEdge.release(clientId, 'e1', outcome.generation, 'closed');
  await connect(ownEdge, clientId, 'e1');
  const state = await own.readClient(clientId);
  if (state === null) throw new Error('not registered');
  await own.markOwnerGone(state);
  await own.unregister(clientId);
}

test('wherever a process dies, what has changed was written, and what has not was not', async () => {
  let commands = 2;
  const states = new Set<string>();
  for (let dies = true; dies; commands += 1) {
    const { clientId } = someone();
    dies = await lives(dyingAfter(redis, commands), clientId).then(
      () => false,
      () => true,
    );
    const state = await control.readClient(clientId);
    const written = await storyOf(clientId);
    states.add(written.join(', '));
    expect(written.includes('registered')).toBe(state !== null || written.at(-1) === 'unregistered');
    expect(written.at(-1) === 'unregistered').toBe(state === null && written.length > 0);
    const isOpen =
      written.findLastIndex((one) => one.startsWith('connected')) >
      written.findLastIndex((one) => one.startsWith('disconnected'));
    expect(isOpen).toBe(state !== null && state.owner !== null);
  }
  expect(states.size).toBe(7);
});
