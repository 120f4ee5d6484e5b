import { NO_IDENTITY } from './state.ts';
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { NewClient } from '../broker.ts';
import { controlBroker } from '../redis-broker.ts';
import { connect, openBroker, someone, stateOf, watched } from '../testing/brokers.ts';
import { atOnce, openIntentLog, someKey } from '../testing/intent-log.ts';

const its = await openBroker();
const { redis, prefix, keys, control, edge } = its;
const { chargesOf, isListed, registered } = openIntentLog(its);

/** A client without a connection. */
async function unused(fields: Partial<NewClient> = {}) {
  const client = await registered(someKey(), 'bob', fields);
  return stateOf(control, client.clientId);
}

describe('registering', () => {
  test('creates the client with its name, its time and its subscriptions', async () => {
    const client = someone({
      name: 'Zoë ☕',
      topics: new Map([
        ['news', '5-1'],
        ['load.x.12', '7-0'],
      ]),
    });
    expect(await control.register(client, null)).toBe('registered');
    const state = await stateOf(control, client.clientId);
    expect(state.incarnation).toMatch(/^[1-9]\d{0,9}$/);
    expect(state).toEqual({
      ...client,
      incarnation: state.incarnation,
      lastGeneration: 0,
      ended: { count: 0, lastAt: 0 },
      owner: null,
      notify: [],
      since: client.registeredAt,
      disconnectUpTo: 0,
      ownPosition: `${client.registeredAt}-${state.incarnation}`,
      closed: new Map(),
      identity: NO_IDENTITY,
    });
    expect(await isListed(client.clientId)).toBe(true);
  });

  test('an id that is taken changes nothing, neither for its client nor for the key that tried', async () => {
    const [key, other] = [someKey(), someKey()];
    const client = someone({ key, name: 'first', topics: new Map([['news', '1-0']]) });
    await control.register(client, null);
    const before = await control.readClient(client.clientId);
    const again = someone({ clientId: client.clientId, key: other, name: 'second' });
    expect(await control.register(again, null)).toBe('client-exists');
    expect(await control.readClient(client.clientId)).toEqual(before);
    expect(await chargesOf(other)).toEqual({ clients: 0, names: {}, pending: 0 });
    expect(await chargesOf(key)).toEqual({ clients: 1, names: { first: client.clientId }, pending: 0 });
  });

  test('of many at once with one id exactly one wins', async () => {
    const key = someKey();
    const clientId = randomUUID();
    const outcomes = await atOnce(20, (index) => control.register(someone({ key, clientId, name: `n${index}` }), null));
    expect(outcomes.filter((outcome) => outcome === 'registered')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'client-exists')).toHaveLength(19);
    const winner = (await control.readClient(clientId))?.name ?? '';
    expect(await chargesOf(key)).toEqual({ clients: 1, names: { [winner]: clientId }, pending: 0 });
  });

  test('of many at once with one name exactly one wins within a key, and another key may have it too', async () => {
    const [key, other] = [someKey(), someKey()];
    const outcomes = await atOnce(20, () => control.register(someone({ key, name: 'bob' }), null));
    expect(outcomes.filter((outcome) => outcome === 'registered')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'name-taken')).toHaveLength(19);
    expect(await chargesOf(key)).toMatchObject({ clients: 1, pending: 0 });
    expect(await control.register(someone({ key: other, name: 'bob' }), null)).toBe('registered');
  });

  test('many at once never pass the quota of their key, and fill it', async () => {
    const key = someKey();
    const outcomes = await atOnce(50, () => control.register(someone({ key }), 7));
    expect(outcomes.filter((outcome) => outcome === 'registered')).toHaveLength(7);
    expect(outcomes.filter((outcome) => outcome === 'quota-reached')).toHaveLength(43);
    expect(await chargesOf(key)).toEqual({ clients: 7, names: {}, pending: 0 });
  });

  test('a key may be allowed no client at all', async () => {
    expect(await control.register(someone({ key: someKey() }), 0)).toBe('quota-reached');
  });
});

describe('unregistering', () => {
  test('removes the client with all that is kept for it, and frees its name and its place', async () => {
    const client = someone({ key: someKey(), name: 'bob' });
    await control.register(client, 1);
    await control.publishToClient(client.clientId, Buffer.from('1'));
    expect(await control.unregister(client.clientId)).toBe(true);
    expect(await control.readClient(client.clientId)).toBeNull();
    expect(await control.readClientLog(client.clientId, null, 10)).toBeNull();
    expect(await redis.exists(keys.clientLog(client.clientId))).toBe(0);
    expect(await isListed(client.clientId)).toBe(false);
    expect(await chargesOf(client.key)).toEqual({ clients: 0, names: {}, pending: 0 });
    expect(await control.register(someone({ key: client.key, name: 'bob' }), 1)).toBe('registered');
  });

  test('returns whether it was registered, and of many at once exactly one did it', async () => {
    const client = someone({ key: someKey() });
    expect(await control.unregister(client.clientId)).toBe(false);
    await control.register(client, null);
    await control.register(someone({ key: client.key }), null);
    const outcomes = await atOnce(20, () => control.unregister(client.clientId));
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    expect(await chargesOf(client.key)).toEqual({ clients: 1, names: {}, pending: 0 });
  });

  test('its edge is notified, and one that may still hold an older connection', async () => {
    const client = someone();
    await control.register(client, null);
    const owner = randomUUID();
    const older = randomUUID();
    await connect(edge, client.clientId, older);
    await connect(edge, client.clientId, owner);
    await control.unregister(client.clientId);
    expect(await edge.readPending(owner, 10)).toEqual([client.clientId]);
    expect(await edge.readPending(older, 10)).toEqual([client.clientId]);
  });

  test('does not touch a client that was registered anew in between, by another key', async () => {
    const [key, other] = [someKey(), someKey()];
    const first = someone({ key, name: 'first' });
    const second = someone({ clientId: first.clientId, key: other, name: 'second' });
    await control.register(first, null);
    // Between the read and the removal of one unregistration, another one and a new registration take place.
    const late = watched(redis, async (command) => {
      if (command !== 'evalsha' || (await control.readClient(first.clientId))?.key !== key) return;
      await control.unregister(first.clientId);
      await control.register(second, null);
    });
    expect(await controlBroker(late, prefix).unregister(first.clientId)).toBe(false);
    expect(await control.readClient(first.clientId)).toMatchObject({ key: other, name: 'second' });
    expect(await chargesOf(key)).toEqual({ clients: 0, names: {}, pending: 0 });
    expect(await chargesOf(other)).toEqual({ clients: 1, names: { second: first.clientId }, pending: 0 });
  });

  test('racing a new registration of the same id leaves the list as it is true, 300 times', async () => {
    for (let round = 0; round < 300; round += 1) {
      const first = someone();
      await control.register(first, null);
      await Promise.all([
        control.unregister(first.clientId),
        control.register(someone({ clientId: first.clientId, registeredAt: first.registeredAt + 1 }), null),
      ]);
      expect(await isListed(first.clientId)).toBe((await control.readClient(first.clientId)) !== null);
    }
  });

  test('overtaken by a new registration of the same id leaves it listed', async () => {
    const first = someone();
    const second = someone({ clientId: first.clientId, registeredAt: first.registeredAt + 1 });
    await control.register(first, null);
    const late = watched(redis, async (command) => {
      if (command === 'zrem') await control.register(second, null);
    });
    expect(await controlBroker(late, prefix).unregister(first.clientId)).toBe(true);
    expect(await control.readClient(first.clientId)).toMatchObject({ registeredAt: second.registeredAt });
    expect(await isListed(first.clientId)).toBe(true);
  });
});

describe('unregistering an unused client', () => {
  test('removes the client with all that is kept for it, and frees its name and its place', async () => {
    const state = await unused();
    expect(await control.unregisterUnused(state)).toBe(true);
    expect(await control.readClient(state.clientId)).toBeNull();
    expect(await chargesOf(state.key)).toEqual({ clients: 0, names: {}, pending: 0 });
    expect(await control.unregisterUnused(state)).toBe(false);
  });

  test('leaves alone a client that is connected', async () => {
    const state = await unused({ registeredAt: 1 });
    await connect(edge, state.clientId, 'e1');
    expect(await control.unregisterUnused(state)).toBe(false);
    expect(await control.readClient(state.clientId)).not.toBeNull();
    expect(await chargesOf(state.key)).toEqual({ clients: 1, names: { bob: state.clientId }, pending: 0 });
  });

  test('leaves alone a client that has been connected since it was read', async () => {
    const state = await unused({ registeredAt: 1 });
    await edge.release(state.clientId, 'e1', await connect(edge, state.clientId, 'e1'));
    expect(await control.unregisterUnused(state)).toBe(false);
    const later = await control.readClient(state.clientId);
    expect(later).toMatchObject({ owner: null });
    expect(later === null || (await control.unregisterUnused(later))).toBe(true);
  });
});
