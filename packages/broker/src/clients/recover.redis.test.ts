import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ControlBroker } from '../broker.ts';
import { controlBroker } from '../redis-broker.ts';
import { connect, dyingAfter, openBroker, someone } from '../testing/brokers.ts';
import { isCurrent } from '../topics/state.ts';
import { userTopic } from '../users/user-topic.ts';
import { NO_IDENTITY } from './identity.ts';
import { atOnce, openIntentLog, someKey } from '../testing/intent-log.ts';

const its = await openBroker();
const { redis, prefix, control, edge } = its;
const { chargesOf, isListed, registered } = openIntentLog(its);
const dying = (commands: number): ControlBroker => controlBroker(dyingAfter(redis, commands), prefix);

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
        await control.recoverAbandoned(key, 0);
        const exists = (await control.readClient(client.clientId)) !== null;
        expect(await chargesOf(key)).toEqual({
          clients: exists ? 1 : 0,
          names: exists ? { bob: client.clientId } : {},
          pending: 0,
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
        await control.recoverAbandoned(other, 0);
        expect(await chargesOf(other)).toEqual({ clients: 0, names: {}, pending: 0 });
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
        await control.recoverAbandoned(key, 0);
        const exists = (await control.readClient(client.clientId)) !== null;
        expect(await chargesOf(key)).toEqual({
          clients: exists ? 1 : 0,
          names: exists ? { bob: client.clientId } : {},
          pending: 0,
        });
        expect(await isListed(client.clientId)).toBe(exists);
        if (exists) return;
        expect(await edge.readPending(lease.id, 10)).toEqual([client.clientId]);
        await edge.acknowledge(lease.id, [client.clientId]);
        client = await registered(key, 'bob');
        await connect(edge, client.clientId, lease.id);
      },
    );
    expect(steps).toBeGreaterThan(3);
    await edge.dropLease(lease.id);
  });

  test('is settled once, by however many at once', async () => {
    const key = someKey();
    await registered(key);
    await expect(dying(1).register(someone({ key, name: 'bob' }), null)).rejects.toThrow('the process is gone');
    const settled = await atOnce(20, () => control.recoverAbandoned(key, 0));
    expect(settled.reduce((sum, one) => sum + one, 0)).toBe(1);
    expect(await chargesOf(key)).toEqual({ clients: 1, names: {}, pending: 0 });
  });

  test('is waited for: what is younger is left alone', async () => {
    const key = someKey();
    await expect(dying(1).register(someone({ key, name: 'bob' }), null)).rejects.toThrow('the process is gone');
    expect(await control.recoverAbandoned(key, 60_000)).toBe(0);
    expect(await chargesOf(key)).toMatchObject({ clients: 1, pending: 1 });
    expect(await control.recoverAbandoned(key, 0)).toBe(1);
    expect(await control.recoverAbandoned(key, 0)).toBe(0);
  });
});

describe('the name of a client that was lost', () => {
  test('is freed once, with its place', async () => {
    const key = someKey();
    const { clientId } = await registered(key, 'bob');
    await redis.del(its.keys.client(clientId));
    const freed = await atOnce(5, () => control.releaseLostName(key, 'bob', clientId));
    expect(freed.filter(Boolean)).toHaveLength(1);
    expect(await chargesOf(key)).toEqual({ clients: 0, names: {}, pending: 0 });
    expect(await isListed(clientId)).toBe(false);
  });

  test('is kept while the client is there, or has an intent pending, or another one has the name', async () => {
    const key = someKey();
    const { clientId } = await registered(key, 'bob');
    expect(await control.releaseLostName(key, 'bob', clientId)).toBe(false);
    const other = await registered(key, 'eve');
    await redis.del(its.keys.client(clientId));
    expect(await control.releaseLostName(key, 'eve', clientId)).toBe(false);
    // Dies with the name reserved.
    const begun = someone({ key, name: 'tom' });
    expect(
      await dying(1)
        .register(begun, null)
        .catch(() => 'died'),
    ).toBe('died');
    expect(await control.releaseLostName(key, 'tom', begun.clientId)).toBe(false);
    // Of another client it is no obstacle.
    expect(await control.releaseLostName(key, 'bob', clientId)).toBe(true);
    const names = { eve: other.clientId, tom: begun.clientId };
    expect(await chargesOf(key)).toEqual({ clients: 2, names, pending: 1 });
  });
});

describe('whatever meets and whoever dies', () => {
  const step = fc.record({
    act: fc.constantFrom('register', 'unregister'),
    client: fc.nat({ max: 3 }),
    key: fc.nat({ max: 1 }),
    name: fc.constantFrom(null, 'ann', 'bob'),
    user: fc.constantFrom(null, 'ann', 'bob'),
    livesFor: fc.option(fc.nat({ max: 9 }), { freq: 2 }),
  });
  /** Each round's steps run at once. */
  const rounds = fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 });
  const QUOTA = 3;

  /** 150 runs of some 20 calls each, on a machine that runs other files as well. */
  const TIMEOUT_MS = 120_000;

  test(
    "a key's count, its names, the list and the users are those of its clients, and no quota is passed",
    { timeout: TIMEOUT_MS },
    async () => {
      await fc.assert(
        fc.asyncProperty(rounds, async (plan) => {
          const ids = Array.from({ length: 4 }, () => randomUUID());
          const keyIds = [someKey(), someKey()];
          const run = randomUUID();
          const users = { ann: `ann ${run}`, bob: `bob ${run}` };
          for (const steps of plan) {
            await Promise.allSettled(
              steps.map(({ act, client, key, name, user, livesFor }) => {
                const broker = livesFor === null ? control : dying(livesFor);
                const clientId = ids[client] ?? '';
                if (act === 'unregister') return broker.unregister(clientId);
                const identity = { ...NO_IDENTITY, user: user === null ? null : users[user] };
                return broker.register(someone({ clientId, key: keyIds[key] ?? '', name, identity }), QUOTA);
              }),
            );
          }
          for (const key of keyIds) await control.recoverAbandoned(key, 0);

          const clients = (await control.readClients(ids)).filter((client) => client !== null);
          for (const key of keyIds) {
            const own = clients.filter((client) => client.key === key);
            const names = own.flatMap(({ name, clientId }) => (name === null ? [] : [[name, clientId]]));
            expect(await chargesOf(key)).toEqual({
              clients: own.length,
              names: Object.fromEntries(names) as Record<string, string>,
              pending: 0,
            });
            expect(own.length).toBeLessThanOrEqual(QUOTA);
          }
          for (const user of Object.values(users)) {
            const own = clients.filter(({ identity }) => identity.user === user);
            expect((await control.countClientsOf([user]))[0]).toBe(own.length);
            const [topic = null] = await control.readTopics([userTopic(user)]);
            expect(topic !== null).toBe(own.length > 0);
            // Each of them hears what is published to the user.
            for (const { topics } of own) expect(isCurrent(topic, topics.get(userTopic(user)) ?? '')).toBe(true);
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
