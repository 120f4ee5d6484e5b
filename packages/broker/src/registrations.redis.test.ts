import { randomUUID } from 'node:crypto';
import { bucketOf } from '@holdfast/protocol/keys';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ControlBroker } from './broker.ts';
import { controlBroker } from './redis-broker.ts';
import { dyingAfter, openBroker, someone, watched } from './test-broker.ts';

const { redis, prefix, keys, control, edge } = await openBroker();
const dying = (commands: number): ControlBroker => controlBroker(dyingAfter(redis, commands), prefix);
const atOnce = <T>(times: number, call: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: times }, (_, index) => call(index)));
const someKey = () => `key-${randomUUID().slice(0, 8)}`;

/** What a key is charged with. */
async function ledger(key: string) {
  const [clients, names, unsettled] = await Promise.all([
    redis.hget(keys.key(key), 'clients'),
    redis.hgetall(keys.keyNames(key)),
    redis.zcard(keys.keyUnsettled(key)),
  ]);
  return { clients: Number(clients ?? 0), names, unsettled };
}

async function isListed(clientId: string): Promise<boolean> {
  return (await redis.zscore(keys.clientBucket(bucketOf(clientId)), clientId)) !== null;
}

async function registered(key: string, name: string | null = null) {
  const client = someone({ key, name });
  await control.register(client, null);
  return client;
}

/** Runs the call with a death after 0, 1, 2, … commands, until it lives through. */
async function dieAtEachStep(call: (broker: ControlBroker) => Promise<unknown>, look: () => Promise<void>) {
  for (let commands = 0; ; commands += 1) {
    const died = await call(dying(commands)).then(
      () => false,
      () => true,
    );
    await look();
    if (!died) return commands;
  }
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
    expect(await control.readClient(client.clientId)).toEqual({
      ...client,
      owner: null,
      since: client.registeredAt,
      unwanted: null,
      ownPosition: `${client.registeredAt}-0`,
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
    expect(await ledger(other)).toEqual({ clients: 0, names: {}, unsettled: 0 });
    expect(await ledger(key)).toEqual({ clients: 1, names: { first: client.clientId }, unsettled: 0 });
  });

  test('of many at once with one id exactly one wins', async () => {
    const key = someKey();
    const clientId = randomUUID();
    const outcomes = await atOnce(20, (index) => control.register(someone({ key, clientId, name: `n${index}` }), null));
    expect(outcomes.filter((outcome) => outcome === 'registered')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'client-exists')).toHaveLength(19);
    const winner = (await control.readClient(clientId))?.name ?? '';
    expect(await ledger(key)).toEqual({ clients: 1, names: { [winner]: clientId }, unsettled: 0 });
  });

  test('of many at once with one name exactly one wins within a key, and another key may have it too', async () => {
    const [key, other] = [someKey(), someKey()];
    const outcomes = await atOnce(20, () => control.register(someone({ key, name: 'bob' }), null));
    expect(outcomes.filter((outcome) => outcome === 'registered')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'name-taken')).toHaveLength(19);
    expect(await ledger(key)).toMatchObject({ clients: 1, unsettled: 0 });
    expect(await control.register(someone({ key: other, name: 'bob' }), null)).toBe('registered');
  });

  test('many at once never pass the quota of their key, and fill it', async () => {
    const key = someKey();
    const outcomes = await atOnce(50, () => control.register(someone({ key }), 7));
    expect(outcomes.filter((outcome) => outcome === 'registered')).toHaveLength(7);
    expect(outcomes.filter((outcome) => outcome === 'quota-reached')).toHaveLength(43);
    expect(await ledger(key)).toEqual({ clients: 7, names: {}, unsettled: 0 });
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
    expect(await ledger(client.key)).toEqual({ clients: 0, names: {}, unsettled: 0 });
    expect(await control.register(someone({ key: client.key, name: 'bob' }), 1)).toBe('registered');
  });

  test('says whether it was registered, and of many at once exactly one did it', async () => {
    const client = someone({ key: someKey() });
    expect(await control.unregister(client.clientId)).toBe(false);
    await control.register(client, null);
    await control.register(someone({ key: client.key }), null);
    const outcomes = await atOnce(20, () => control.unregister(client.clientId));
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    expect(await ledger(client.key)).toEqual({ clients: 1, names: {}, unsettled: 0 });
  });

  test('its edge hears of it', async () => {
    const client = someone();
    await control.register(client, null);
    const owner = randomUUID();
    await edge.claim(client.clientId, owner, 'c1');
    await control.unregister(client.clientId);
    expect(await edge.peekLetters(owner, 10)).toEqual([client.clientId]);
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
    expect(await ledger(key)).toEqual({ clients: 0, names: {}, unsettled: 0 });
    expect(await ledger(other)).toEqual({ clients: 1, names: { second: first.clientId }, unsettled: 0 });
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

describe('a process that dies', () => {
  test('at any step of a registration leaves a client that counts, or none and no trace', async () => {
    const key = someKey();
    // With the script known a step is one command.
    await control.unregister((await registered(key)).clientId);
    let client = someone({ key, name: 'bob' });
    const steps = await dieAtEachStep(
      (broker) => {
        client = someone({ key, name: 'bob' });
        return broker.register(client, 1);
      },
      async () => {
        await control.settleAbandoned(key, 0);
        const exists = (await control.readClient(client.clientId)) !== null;
        expect(await ledger(key)).toEqual({
          clients: exists ? 1 : 0,
          names: exists ? { bob: client.clientId } : {},
          unsettled: 0,
        });
        expect(await isListed(client.clientId)).toBe(exists);
        if (exists) await control.unregister(client.clientId);
      },
    );
    expect(steps).toBeGreaterThan(3);
  });

  test('at any step of a registration that loses its id leaves no trace', async () => {
    const [key, other] = [someKey(), someKey()];
    const client = await registered(key);
    const again = someone({ clientId: client.clientId, key: other, registeredAt: client.registeredAt });
    const steps = await dieAtEachStep(
      (broker) => broker.register({ ...again, name: 'bob' }, 1),
      async () => {
        await control.settleAbandoned(other, 0);
        expect(await ledger(other)).toEqual({ clients: 0, names: {}, unsettled: 0 });
        expect(await control.readClient(client.clientId)).toMatchObject({ key });
        expect(await isListed(client.clientId)).toBe(true);
      },
    );
    expect(steps).toBeGreaterThan(2);
  });

  test('at any step of an unregistration leaves the client as it was, or gone and known to be gone', async () => {
    const key = someKey();
    const lease = { id: someKey(), url: 'ws://e', connections: 0, maxConnections: 1, draining: false, startedAt: 1 };
    await edge.renewLease(lease);
    let client = await registered(key, 'bob');
    const steps = await dieAtEachStep(
      (broker) => broker.unregister(client.clientId),
      async () => {
        await control.settleAbandoned(key, 0);
        const exists = (await control.readClient(client.clientId)) !== null;
        expect(await ledger(key)).toEqual({
          clients: exists ? 1 : 0,
          names: exists ? { bob: client.clientId } : {},
          unsettled: 0,
        });
        expect(await isListed(client.clientId)).toBe(exists);
        if (exists) return;
        expect(await edge.peekLetters(lease.id, 10)).toEqual([client.clientId]);
        await edge.takeLetters(lease.id, [client.clientId]);
        client = await registered(key, 'bob');
        await edge.claim(client.clientId, lease.id, 'c1');
      },
    );
    expect(steps).toBeGreaterThan(3);
    await edge.dropLease(lease.id);
  });

  test('is settled once, by however many at once', async () => {
    const key = someKey();
    await registered(key);
    await expect(dying(1).register(someone({ key, name: 'bob' }), null)).rejects.toThrow('the process is gone');
    const settled = await atOnce(20, () => control.settleAbandoned(key, 0));
    expect(settled.reduce((sum, one) => sum + one, 0)).toBe(1);
    expect(await ledger(key)).toEqual({ clients: 1, names: {}, unsettled: 0 });
  });

  test('is waited for: what is younger is left alone', async () => {
    const key = someKey();
    await expect(dying(1).register(someone({ key, name: 'bob' }), null)).rejects.toThrow('the process is gone');
    expect(await control.settleAbandoned(key, 60_000)).toBe(0);
    expect(await ledger(key)).toMatchObject({ clients: 1, unsettled: 1 });
    expect(await control.settleAbandoned(key, 0)).toBe(1);
    expect(await control.settleAbandoned(key, 0)).toBe(0);
  });
});

describe('whatever meets and whoever dies', () => {
  const step = fc.record({
    act: fc.constantFrom('register', 'unregister'),
    client: fc.nat({ max: 3 }),
    key: fc.nat({ max: 1 }),
    name: fc.constantFrom(null, 'ann', 'bob'),
    livesFor: fc.option(fc.nat({ max: 7 }), { freq: 2 }),
  });
  /** Each round's steps run at once. */
  const rounds = fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 });
  const QUOTA = 3;

  /** 150 runs of some 20 calls each, on a machine that runs other files as well. */
  const TIMEOUT_MS = 120_000;

  test(
    "a key's count, its names and the list are those of its clients, and no quota is passed",
    { timeout: TIMEOUT_MS },
    async () => {
      await fc.assert(
        fc.asyncProperty(rounds, async (plan) => {
          const ids = Array.from({ length: 4 }, () => randomUUID());
          const keyIds = [someKey(), someKey()];
          for (const steps of plan) {
            await Promise.allSettled(
              steps.map(({ act, client, key, name, livesFor }) => {
                const broker = livesFor === null ? control : dying(livesFor);
                const clientId = ids[client] ?? '';
                if (act === 'unregister') return broker.unregister(clientId);
                return broker.register(someone({ clientId, key: keyIds[key] ?? '', name }), QUOTA);
              }),
            );
          }
          for (const key of keyIds) await control.settleAbandoned(key, 0);

          const clients = (await control.readClients(ids)).filter((client) => client !== null);
          for (const key of keyIds) {
            const own = clients.filter((client) => client.key === key);
            const names = own.flatMap(({ name, clientId }) => (name === null ? [] : [[name, clientId]]));
            expect(await ledger(key)).toEqual({
              clients: own.length,
              names: Object.fromEntries(names) as Record<string, string>,
              unsettled: 0,
            });
            expect(own.length).toBeLessThanOrEqual(QUOTA);
          }
          const listed = await Promise.all(ids.map(isListed));
          expect(ids.filter((_, index) => listed[index]).toSorted()).toEqual(
            clients.map(({ clientId }) => clientId).toSorted(),
          );
        }),
        { numRuns: 150 },
      );
    },
  );
});
