import { MAX_TOPICS } from '@holdfast/protocol/limits';
import { describe, expect, test } from 'vitest';
import type { Renewal } from '../broker.ts';
import { connect, openBroker, someone, stateOf } from '../testing/brokers.ts';
import { type ClientIdentity, NO_IDENTITY, isRevoked } from './identity.ts';

const { redis, keys, control, edge } = await openBroker();

type TokenIdentity = Renewal['identity'];

function tokenIdentity(topics: readonly string[], fields: Partial<ClientIdentity> = {}): TokenIdentity {
  return { ...NO_IDENTITY, user: 'ann', ...fields, token: { expiresAt: 2e12, issuedAt: 1e12, topics } };
}

/** A client of a token with these topics, subscribed to them from 5-0. */
async function registered(topics: readonly string[], fields: Partial<ClientIdentity> = {}): Promise<string> {
  const starts = new Map(topics.map((topic) => [topic, '5-0 7'] as const));
  const client = someone({ topics: starts, identity: tokenIdentity(topics, fields) });
  expect(await control.register(client, null)).toBe('registered');
  return client.clientId;
}

async function topicsOf(clientId: string): Promise<Record<string, string>> {
  const { topics } = await stateOf(control, clientId);
  return Object.fromEntries([...topics].filter(([topic]) => !topic.startsWith('@')));
}

const renewal = (topics: readonly string[], more: Partial<Renewal> = {}): Renewal => ({
  identity: tokenIdentity(topics),
  topics: new Map(topics.map((topic) => [topic, '9-0 7'])),
  endsAt: new Map(),
  ...more,
});

describe('the identity of a client', () => {
  const identity: TokenIdentity = {
    user: 'Ann Ö/{user}',
    info: '{"color":"#f00"}',
    may: { subscribe: ['user.{user}.**'], publish: ['@users'] },
    seesPresence: [['news.*'], ['**']],
    token: { expiresAt: 2e12, issuedAt: 1e12, topics: ['news'] },
  };

  test('comes back as it was registered, by a read and by a claim', async () => {
    const client = someone({ identity });
    await control.register(client, null);
    expect((await stateOf(control, client.clientId)).identity).toEqual(identity);
    expect(await edge.claim({ clientId: client.clientId, edge: 'e1' })).toMatchObject({ client: { identity } });
  });

  test('is wholly that of the last token, also where that says nothing', async () => {
    const client = someone({ identity });
    await control.register(client, null);
    const next = { ...NO_IDENTITY, user: identity.user, token: { expiresAt: 3e12, issuedAt: 2e12, topics: [] } };
    const outcome = await control.renew(client.clientId, renewal([], { identity: next }));
    expect(outcome).toMatchObject({ kind: 'changed', client: { identity: next } });
    expect((await stateOf(control, client.clientId)).identity).toEqual(next);
  });

  test('takes no field of the hash of a client of which nothing is known', async () => {
    const { clientId } = await newcomer();
    expect((await redis.hkeys(keys.client(clientId))).toSorted()).toEqual(['k', 'o', 'r']);
  });

  test('gives no right when it cannot be read', async () => {
    const { clientId } = await newcomer();
    await redis.hset(keys.client(clientId), { u: 'ann', a: '{', v: '[', t: '1', j: '2', h: '?' });
    const { identity: read } = await stateOf(control, clientId);
    expect(read).toEqual({ ...NO_IDENTITY, user: 'ann', may: {}, token: { expiresAt: 1, issuedAt: 2, topics: [] } });
  });
});

async function newcomer() {
  const client = someone();
  await control.register(client, null);
  return client;
}

describe('a renewal', () => {
  test('unsubscribes the topics of the token before that are not in this one, and leaves all others', async () => {
    const clientId = await registered(['news', 'sport']);
    await control.changeTopics(clientId, { add: new Map([['own', '6-0 7']]) });
    await control.renew(clientId, renewal(['sport', 'weather']));
    expect(await topicsOf(clientId)).toEqual({ sport: '5-0 7', weather: '9-0 7', own: '6-0 7' });
    // By what the last token said, not the first.
    await control.renew(clientId, renewal([]));
    expect(await topicsOf(clientId)).toEqual({ own: '6-0 7' });
  });

  test('keeps the range of a subscription that it ends for an edge that has not looked, where its end is given', async () => {
    const clientId = await registered(['news', 'sport', 'weather']);
    await connect(edge, clientId, 'e1');
    await control.renew(clientId, renewal(['weather'], { endsAt: new Map([['news', '8-0']]) }));
    const { closed } = await stateOf(control, clientId);
    expect(Object.fromEntries(closed)).toEqual({ news: '5-0,8-0,7' });
  });

  test('ends none for an end that is given of a topic which it does not remove', async () => {
    const clientId = await registered(['news']);
    await control.renew(clientId, renewal(['news'], { endsAt: new Map([['news', '8-0']]) }));
    expect(await topicsOf(clientId)).toEqual({ news: '5-0 7' });
  });

  test('replaces a subscription to a topic that was deleted', async () => {
    const clientId = await registered(['news']);
    await control.renew(clientId, renewal(['news'], { stale: new Map([['news', '5-0 7']]) }));
    expect(await topicsOf(clientId)).toEqual({ news: '9-0 7' });
  });

  test('changes nothing when there would be too many topics', async () => {
    const clientId = await registered(['news']);
    const many = Array.from({ length: MAX_TOPICS + 1 }, (_, index) => `t${index}`);
    const before = await redis.hgetall(keys.client(clientId));
    expect(await control.renew(clientId, renewal(many))).toEqual({ kind: 'too-many' });
    expect(await redis.hgetall(keys.client(clientId))).toEqual(before);
    expect(await control.renew(clientId, renewal(many.slice(1)))).toMatchObject({ kind: 'changed' });
  });

  test('finds no client that is not registered, nor one of another user, and changes nothing', async () => {
    const clientId = await registered(['news']);
    const before = await redis.hgetall(keys.client(clientId));
    const identity = tokenIdentity([], { user: 'bob' });
    expect(await control.renew(clientId, renewal([], { identity }))).toEqual({ kind: 'not-found' });
    expect(await redis.hgetall(keys.client(clientId))).toEqual(before);
    expect(await control.renew(someone().clientId, renewal([]))).toEqual({ kind: 'not-found' });
  });

  test('notifies the edge of the client', async () => {
    const clientId = await registered(['news']);
    await connect(edge, clientId, 'e-renew');
    await control.renew(clientId, renewal(['news']));
    expect(await edge.readPending('e-renew', 10)).toEqual([clientId]);
  });
});

describe('revoking', () => {
  test('ends the authorization of a token that was issued before, and notifies the edge; once', async () => {
    const clientId = await registered([]);
    await connect(edge, clientId, 'e-revoke');
    expect(await control.revokeClient(clientId, 1e12)).toBe(false);
    expect(await edge.readPending('e-revoke', 10)).toEqual([]);
    expect(await control.revokeClient(clientId, 1e12 + 1)).toBe(true);
    const { token } = (await stateOf(control, clientId)).identity;
    expect(token).toEqual({ expiresAt: 1, issuedAt: 1e12, topics: [] });
    expect(token !== null && isRevoked(token)).toBe(true);
    expect(await edge.readPending('e-revoke', 10)).toEqual([clientId]);
    expect(await control.revokeClient(clientId, 1e12 + 1)).toBe(false);
  });

  test('leaves a client without a token, and one that is not registered', async () => {
    const { clientId } = await newcomer();
    expect(await control.revokeClient(clientId, Date.now())).toBe(false);
    expect(await control.revokeClient(someone().clientId, Date.now())).toBe(false);
    expect((await stateOf(control, clientId)).identity).toEqual(NO_IDENTITY);
  });
});

test('a client is found by its name within its key, from its reservation on', async () => {
  const client = someone({ key: 'mobile', name: 'ann’s phone' });
  expect(await control.findByName('mobile', 'ann’s phone')).toBeNull();
  await control.register(client, null);
  expect(await control.findByName('mobile', 'ann’s phone')).toBe(client.clientId);
  expect(await control.findByName('web', 'ann’s phone')).toBeNull();
  await control.unregister(client.clientId);
  expect(await control.findByName('mobile', 'ann’s phone')).toBeNull();
});
