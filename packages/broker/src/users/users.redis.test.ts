import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { NO_IDENTITY } from '../clients/identity.ts';
import { controlBroker } from '../redis-broker.ts';
import { connect, dyingAfter, openBroker, openRedis, someone, stateOf } from '../testing/brokers.ts';
import { isCurrent } from '../topics/state.ts';
import { userTopic } from './user-topic.ts';

const { redis, prefix, keys, control, edge } = await openBroker();

const someUser = () => `ann ${randomUUID()}`;

async function registered(user: string, fields: { clientId?: string; key?: string } = {}): Promise<string> {
  const client = someone({ ...fields, identity: { ...NO_IDENTITY, user } });
  expect(await control.register(client, null)).toBe('registered');
  return client.clientId;
}

const keysOf = (user: string) => {
  const topic = userTopic(user);
  return [keys.topic(topic), keys.topicLog(topic), keys.userClients(user)];
};

describe('a user', () => {
  test('has a topic as long as there is a client, to which each is subscribed', async () => {
    const user = someUser();
    expect(await control.publishToUser(user, { data: Buffer.from('1') })).toEqual({ kind: 'not-found' });
    const first = await registered(user);
    const published = await control.publishToUser(user, { data: Buffer.from('1') });
    const second = await registered(user);
    const [topic = null] = await control.readTopics([userTopic(user)]);
    const starts = [];
    for (const clientId of [first, second]) {
      starts.push((await stateOf(control, clientId)).topics.get(userTopic(user)) ?? '');
    }
    expect(starts.map((start) => isCurrent(topic, start))).toEqual([true, true]);
    // The second begins behind the message.
    const id = 'id' in published ? published.id : '';
    expect(starts.map((start) => start.startsWith(`${id} `))).toEqual([false, true]);
    await control.unregister(first);
    expect(await control.publishToUser(user, { data: Buffer.from('2') })).toMatchObject({ kind: 'published' });
    await control.unregister(second);
    expect(await control.publishToUser(user, { data: Buffer.from('3') })).toEqual({ kind: 'not-found' });
    expect(await redis.exists(...keysOf(user))).toBe(0);
  });

  test('that is gone says so on its live channel', async () => {
    const user = someUser();
    const clientId = await registered(user);
    const subscriber = await openRedis('subscriber');
    const received = Promise.withResolvers<string>();
    subscriber.on('smessage', (_channel: string, text: string) => received.resolve(text));
    await subscriber.ssubscribe(keys.topicLive(userTopic(user)));
    await control.unregister(clientId);
    expect(await received.promise).toBe('deleted');
  });

  test('whose client expires is left by it', async () => {
    const user = someUser();
    const clientId = await registered(user);
    expect(await control.unregisterUnused(await stateOf(control, clientId))).toBe(true);
    expect(await control.countClientsOf([user])).toEqual([0]);
    expect(await redis.exists(...keysOf(user))).toBe(0);
  });

  test('keeps its client when another registration of the same id is refused', async () => {
    const user = someUser();
    const clientId = await registered(user);
    const again = someone({ clientId, identity: { ...NO_IDENTITY, user } });
    expect(await control.register(again, null)).toBe('client-exists');
    expect(await control.countClientsOf([user])).toEqual([1]);
    expect(await control.publishToUser(user, { data: Buffer.from('1') })).toMatchObject({ kind: 'published' });
  });

  test('is no topic of the index, and its messages have idempotency keys', async () => {
    const user = someUser();
    await registered(user);
    const message = { data: Buffer.from('1'), idempotencyKey: 'k', caller: 'mobile' };
    const first = await control.publishToUser(user, message);
    expect(await control.publishToUser(user, message)).toEqual({ ...first, kind: 'repeated' });
    expect(await control.publishToUser(user, { ...message, caller: 'web' })).toEqual({ kind: 'conflict' });
    const { items } = await control.listTopics(null, 1000);
    expect(items.filter(({ topic }) => topic.startsWith('@'))).toEqual([]);
  });

  test.each(['{a}', '{user}', 'a.b', '*', '@clients', 'ann:clients', 'Ö ü', '%', '%7Ba%7D', 'a'.repeat(128)])(
    'of any name is one of its own: %s',
    async (name) => {
      const clientId = await registered(name);
      expect((await control.listClientsOf(name, null, 10)).items.map((client) => client.clientId)).toEqual([clientId]);
      await control.unregister(clientId);
      expect(await redis.exists(...keysOf(name))).toBe(0);
    },
  );
});

describe('the clients of a user', () => {
  test('are listed in the order of ids, page by page, each once', async () => {
    const user = someUser();
    const ids: string[] = [];
    for (let index = 0; index < 7; index += 1) ids.push(await registered(user));
    await registered(someUser());
    for (const limit of [1, 2, 3, 7, 100]) {
      const found: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await control.listClientsOf(user, cursor, limit);
        expect(page.items.length).toBeLessThanOrEqual(limit);
        found.push(...page.items.map(({ clientId }) => clientId));
        cursor = page.cursor;
      } while (cursor !== null);
      expect(found).toEqual(ids.toSorted());
    }
    expect(await control.countClientsOf([user, someUser()])).toEqual([7, 0]);
  });

  test('are those that are registered: one whose registration died is passed over, and taken out later', async () => {
    const user = someUser();
    const clientId = await registered(user);
    const key = randomUUID();
    const dying = controlBroker(dyingAfter(redis, 2), prefix);
    const other = someone({ key, identity: { ...NO_IDENTITY, user } });
    await expect(dying.register(other, null)).rejects.toThrow('the process is gone');
    expect(await control.countClientsOf([user])).toEqual([2]);
    expect((await control.listClientsOf(user, null, 10)).items.map((client) => client.clientId)).toEqual([clientId]);
    expect(await control.recoverAbandoned(key, 0)).toBe(1);
    expect(await control.countClientsOf([user])).toEqual([1]);
  });
});

const restored = async (clientId: string) => control.restoreUsers([await stateOf(control, clientId)]);
const isSubscribed = async (user: string, clientId: string) => {
  const [topic = null] = await control.readTopics([userTopic(user)]);
  return isCurrent(topic, (await stateOf(control, clientId)).topics.get(userTopic(user)) ?? '');
};

describe('a fail-over that parts clients from their users', () => {
  test('of the user is put right: its clients are there again, and subscribed', async () => {
    const user = someUser();
    const clientId = await registered(user);
    await connect(edge, clientId, 'e-restore');
    expect(await restored(clientId)).toBe(0);
    await redis.del(...keysOf(user));
    expect(await restored(clientId)).toBe(1);
    expect(await control.countClientsOf([user])).toEqual([1]);
    expect(await isSubscribed(user, clientId)).toBe(true);
    expect(await edge.readPending('e-restore', 10)).toEqual([clientId]);
    expect(await restored(clientId)).toBe(0);
  });

  test('keeps the position of a subscription that holds', async () => {
    const user = someUser();
    const clientId = await registered(user);
    const before = (await stateOf(control, clientId)).topics;
    await control.publishToUser(user, { data: Buffer.from('1') });
    await redis.del(keys.userClients(user));
    expect(await restored(clientId)).toBe(1);
    expect((await stateOf(control, clientId)).topics).toEqual(before);
  });

  test('brings back no client that was unregistered after it was read, nor takes its user to another of the same id', async () => {
    const [user, other] = [someUser(), someUser()];
    const clientId = await registered(user);
    const read = await stateOf(control, clientId);
    await control.unregister(clientId);
    expect(await control.restoreUsers([read])).toBe(0);
    await registered(other, { clientId });
    expect(await control.restoreUsers([read])).toBe(0);
    expect([...(await stateOf(control, clientId)).topics.keys()]).toEqual([userTopic(other)]);
    expect(await redis.exists(...keysOf(user))).toBe(0);
  });

  test('has nothing to do with clients without a user', async () => {
    const client = someone();
    await control.register(client, null);
    expect(await restored(client.clientId)).toBe(0);
    expect([...(await stateOf(control, client.clientId)).topics.keys()]).toEqual([]);
  });
});

describe('revoked tokens', () => {
  test('are those of the keys named that were issued before; the time never goes back', async () => {
    const user = someUser();
    expect(await control.revokedBefore(user, 'web')).toBe(0);
    await control.revokeTokens(user, ['web', 'mobile'], 2000, 60);
    await control.revokeTokens(user, ['web'], 1000, 60);
    expect(await Promise.all(['web', 'mobile', 'tv'].map((key) => control.revokedBefore(user, key)))).toEqual([
      2000, 2000, 0,
    ]);
    await control.revokeTokens(user, null, 3000, 60);
    expect(await Promise.all(['web', 'tv'].map((key) => control.revokedBefore(user, key)))).toEqual([3000, 3000]);
    expect(await control.revokedBefore(someUser(), 'web')).toBe(0);
  });

  test('are remembered for as long as was said last, and no shorter', async () => {
    const user = someUser();
    await control.revokeTokens(user, ['web'], 1000, 3600);
    await control.revokeTokens(user, ['web'], 1000, 60);
    expect(await redis.ttl(keys.userRevoked(user))).toBeGreaterThan(3500);
    await control.revokeTokens(user, ['web'], 1000, 7200);
    expect(await redis.ttl(keys.userRevoked(user))).toBeGreaterThan(7000);
  });

  test('stay so when the last client of the user has gone', async () => {
    const user = someUser();
    const clientId = await registered(user);
    await control.revokeTokens(user, null, 1000, 60);
    await control.unregister(clientId);
    expect(await control.revokedBefore(user, 'web')).toBe(1000);
  });
});
