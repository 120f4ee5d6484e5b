import { randomUUID } from 'node:crypto';
import { redisKeys } from '../keys.ts';
import { expect, test } from 'vitest';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { claimStore } from './claims.ts';
import { eventWriter } from '../events/writer.ts';
import type { Commands } from '@holdfast/redis/commands';
import { openBroker, someone, watched } from '../testing/brokers.ts';

const { redis, prefix, control, edge } = await openBroker();
const keys = redisKeys(prefix);
// Redis knows the script from here on.
await edge.claim({ clientId: randomUUID(), edge: 'e1' });

/** Claims, and the commands that they took. */
function counted({ isCluster = false } = {}) {
  const commands: string[] = [];
  const connection: Commands = watched(redis, (command) => void commands.push(command));
  const seen = new Proxy(connection, {
    get: (target, name) => (name === 'isCluster' ? isCluster : (Reflect.get(target, name) as unknown)),
  });
  return { claims: claimStore(seen, keys, eventWriter(seen, keys)), commands };
}

async function registered(count: number, name: (index: number) => string | null = () => null): Promise<string[]> {
  const clients = Array.from({ length: count }, (_, index) => someone({ name: name(index) }));
  await Promise.all(clients.map((client) => control.register(client, null)));
  return clients.map(({ clientId }) => clientId);
}

const claimAll = (claims: ReturnType<typeof claimStore>, clientIds: readonly string[]) =>
  Promise.allSettled(clientIds.map((clientId, index) => claims.claim({ clientId, edge: `e${index}` })));

test('claims of one moment are one command for 16 of them, and each gets its own answer', async () => {
  const names = ['plain', 'two words', '"quoted" \\ and / more', 'tab\tand\u0000nul', 'žluťoučký', '🐎'];
  const clientIds = await registered(130, (index) => `${names[index % names.length]} ${index}`);
  const unknown = randomUUID();
  const { claims, commands } = counted();
  const outcomes = await claimAll(claims, [...clientIds, unknown]);
  expect(commands).toEqual(Array.from({ length: 9 }, () => 'evalsha'));
  for (const [index, clientId] of clientIds.entries()) {
    const client = { clientId, name: `${names[index % names.length]} ${index}`, owner: null };
    expect(outcomes[index]).toMatchObject({ value: { kind: 'claimed', client } });
  }
  expect(outcomes.at(-1)).toMatchObject({ value: { kind: 'not-found' } });
  const owners = (await control.readClients(clientIds)).map((client) => client?.owner);
  const generations = outcomes.map(
    (outcome) => 'value' in outcome && 'generation' in outcome.value && outcome.value.generation,
  );
  expect(owners).toEqual(clientIds.map((_, index) => ({ edge: `e${index}`, generation: generations[index] })));
});

test('claims of one moment that want different things each get theirs', async () => {
  const [owned = '', free = '', known = ''] = await registered(3);
  const { claims, commands } = counted();
  const [first, second] = await Promise.all([
    claims.claim({ clientId: owned, edge: 'e1' }),
    claims.claim({ clientId: known, edge: 'e1' }),
  ]);
  if (first.kind !== 'claimed' || second.kind !== 'claimed') throw new Error('both are free');
  const { generation, digest } = second;
  const outcomes = await Promise.all([
    claims.claim({ clientId: owned, edge: 'e2' }),
    claims.claim({ clientId: free, edge: 'e3' }),
    claims.claim({ clientId: known, edge: 'e1', generation, digest }),
    claims.claim({ clientId: free, edge: 'e4', incarnation: 'another' }),
    claims.claim({ clientId: owned, edge: 'e5', generation: first.generation + 1_000_000_000 }),
  ]);
  expect(commands).toEqual(['evalsha', 'evalsha']);
  expect(outcomes).toMatchObject([
    { kind: 'owned-by-other', client: { owner: { edge: 'e1', generation: first.generation } } },
    { kind: 'claimed', client: { owner: null } },
    { kind: 'unchanged' },
    { kind: 'not-found' },
    { kind: 'claimed', client: { owner: { edge: 'e1', generation: first.generation } } },
  ]);
});

/** Handshakes of one client that go to Redis as one call. Gives what came of each, and its generation. */
async function handshakes(claims: ReturnType<typeof claimStore>, clientId: string) {
  const outcomes = await Promise.all(
    ['e1', 'e1', 'e1', 'e1'].map((edgeId) => claims.claim({ clientId, edge: edgeId })),
  );
  return {
    kinds: outcomes.map(({ kind }) => kind),
    generations: new Set(outcomes.map((outcome) => ('generation' in outcome ? outcome.generation : 0))),
  };
}

test('of new connections of one client in one moment one owns it', async () => {
  const [clientId = ''] = await registered(1);
  const { claims, commands } = counted();
  const { kinds, generations } = await handshakes(claims, clientId);
  expect(commands).toEqual(['evalsha']);
  expect(kinds).toEqual(['claimed', 'owned-by-other', 'owned-by-other', 'owned-by-other']);
  expect(generations.size).toBeGreaterThan(1);
});

test('new connections of one client in one moment learn different generations, so that one of them takes over', async () => {
  const [clientId = ''] = await registered(1);
  const { claims, commands } = counted();
  await claims.claim({ clientId, edge: 'e1' });
  const { kinds, generations } = await handshakes(claims, clientId);
  expect(commands).toEqual(['evalsha', 'evalsha']);
  expect(kinds).toEqual(Array.from({ length: 4 }, () => 'owned-by-other'));
  expect(generations.size).toBe(4);
});

test('a key that is no client of ours fails its own claim, and no other', async () => {
  const [good = '', bad = '', fine = ''] = await registered(3);
  await redis.set(keys.client(bad), 'no hash');
  const outcomes = await claimAll(counted().claims, [good, bad, fine]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(outcomes[1]).toMatchObject({ reason: expect.any(RedisUnavailable) as unknown });
  expect(String((outcomes[1] as PromiseRejectedResult).reason.cause)).toContain('WRONGTYPE');
});

test('what is not asked is rejected for all of the moment', async () => {
  const clientIds = await registered(3);
  const broken = watched(redis, () => {
    throw new Error('the process is gone');
  });
  const outcomes = await claimAll(claimStore(broken, keys, eventWriter(broken, keys)), clientIds);
  for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: expect.any(RedisUnavailable) as unknown });
});

test('on a Cluster each claim is a command of its own', async () => {
  const clientIds = await registered(3);
  const { claims, commands } = counted({ isCluster: true });
  const outcomes = await claimAll(claims, clientIds);
  expect(outcomes.map(({ status }) => status)).toEqual(clientIds.map(() => 'fulfilled'));
  expect(commands).toEqual(['evalsha', 'evalsha', 'evalsha']);
});
