import { randomUUID } from 'node:crypto';
import { redisKeys } from '@holdfast/broker/keys';
import { controlBroker, edgeBroker } from '@holdfast/broker/redis-broker';
import { testEvents } from '@holdfast/broker/testing/events';
import { NO_IDENTITY } from '@holdfast/broker/client-identity';
import { closeRedis, connectRedis, waitForRedis } from '@holdfast/redis/connection';
import { repeat } from '@holdfast/service/backoff';
import { eventually } from '@holdfast/testkit/eventually';
import { redisUrl } from '@holdfast/testkit/redis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, test, vi } from 'vitest';
import { clientExpiry } from './clients/client-expiry.ts';
import { reapClients, reapLeftovers, releaseClientsOfDead, startReaper } from './reaper.ts';
import { type TestApi, startTestApi } from './testing/api.ts';
import { type TestEdge, claimFor, startTestEdge } from './testing/edge.ts';

const HOUR_MS = 3_600_000;
const detailsOfEdge = { url: 'ws://127.0.0.1:1', connections: 0, maxConnections: 1, draining: false, startedAt: 0 };

describe('the reaper of clients', () => {
  let api: TestApi;
  let redis: ReturnType<typeof connectRedis>;
  let edge: ReturnType<typeof edgeBroker>;
  const living = 'living-edge';
  const renew = async () => void (await edge.renewLease({ id: living, ...detailsOfEdge }));
  let stopRenewing: () => void;

  beforeAll(async () => {
    api = await startTestApi();
    redis = connectRedis(
      { kind: 'single', url: redisUrl() },
      { name: 'reaper', role: 'commands', logger: api.log.logger },
    );
    await waitForRedis(redis, api.log);
    edge = edgeBroker(redis, api.prefix);
    await renew();
    stopRenewing = repeat(renew, { intervalMs: 1_000, onError: () => undefined });
  });
  afterAll(async () => {
    stopRenewing();
    await closeRedis(redis);
    await api.stop();
  });

  const reapAll = (expirySeconds: number | null) =>
    reapClients(api.broker, null, clientExpiry(api.keys, expirySeconds), api.log.logger);
  const owner = async (clientId: string) => (await api.broker.readClient(clientId))?.owner ?? null;

  it('releases the clients of an edge that died, and leaves those of a living one', async () => {
    const [lost, held] = [await api.client(), await api.client()];
    await claimFor(edge, lost, 'dead-edge');
    const generation = await claimFor(edge, held, living);
    await reapAll(null);
    expect(await owner(lost)).toBeNull();
    expect(await owner(held)).toEqual({ edge: living, generation });
  });

  it('unregisters who has not been used for the expiry, and frees the name', async () => {
    const registered = { key: 'all', name: 'idle', topics: new Map() };
    const old = { ...registered, clientId: randomUUID(), registeredAt: Date.now() - 2 * HOUR_MS };
    expect(await api.broker.register(old, null)).toBe('registered');
    const fresh = await api.client();
    await reapAll(HOUR_MS / 1000);
    expect(await api.broker.readClient(old.clientId)).toBeNull();
    expect(await api.broker.readClient(fresh)).not.toBeNull();
    const again = { ...registered, clientId: randomUUID(), registeredAt: Date.now() };
    expect(await api.broker.register(again, null)).toBe('registered');
  });

  it('unregisters by what the API key says, and clients of tokens after a week', async () => {
    const idle = async (key: string, hours: number, ofToken: boolean) => {
      const token = { expiresAt: Date.now(), issuedAt: 1, topics: [] };
      const identity = { ...NO_IDENTITY, token: ofToken ? token : null };
      const [clientId, registeredAt] = [randomUUID(), Date.now() - hours * HOUR_MS];
      await api.broker.register({ clientId, key, name: null, registeredAt, topics: new Map(), identity }, null);
      return clientId;
    };
    const week = 7 * 24;
    const ended = [await idle('people', 2, false), await idle('people', 2, true), await idle('all', week + 1, true)];
    const kept = [
      await idle('keeper', 9000, false),
      await idle('keeper', 9000, true),
      await idle('all', week - 1, true),
      await idle('all', 9000, false),
      await idle('gone', 9000, false),
    ];
    await reapAll(null);
    expect(await api.broker.readClients(ended)).toEqual(ended.map(() => null));
    expect((await api.broker.readClients(kept)).map((client) => client?.clientId)).toEqual(kept);
    await reapAll(HOUR_MS / 1000);
    const left = (await api.broker.readClients(kept)).map((client) => client !== null);
    expect(left).toEqual([true, true, true, false, false]);
  });

  it('unregisters by what was said at the registration, whatever the API key says', async () => {
    const registered = async (expirySeconds: number) => {
      const identity = { ...NO_IDENTITY, expirySeconds };
      const client = { clientId: randomUUID(), key: 'keeper', name: null, topics: new Map(), identity };
      await api.broker.register({ ...client, registeredAt: Date.now() - 2 * HOUR_MS }, null);
      return client.clientId;
    };
    const [ended, kept] = [await registered(3600), await registered(3 * 3600)];
    await reapAll(null);
    expect(await api.broker.readClient(ended)).toBeNull();
    expect((await api.broker.readClient(kept))?.identity.expirySeconds).toBe(3 * 3600);
  });

  it('restores clients to their users, which a fail-over has parted', async () => {
    const clientId = await api.client({ user: 'ann' });
    await redis.del(redisKeys(api.prefix).userClients('ann'));
    await reapAll(null);
    expect((await api.broker.listClientsOf('ann', null, 10)).items.map((client) => client.clientId)).toEqual([
      clientId,
    ]);
    await reapAll(null);
    expect(api.log.linesWith('clients restored to their users')).toMatchObject([{ restored: 1 }]);
  });

  it('never unregisters who is connected, was a moment ago, or was until its edge died', async () => {
    const old = async () => {
      const clientId = randomUUID();
      const registeredAt = Date.now() - 2 * HOUR_MS;
      await api.broker.register({ clientId, key: 'all', name: null, registeredAt, topics: new Map() }, null);
      return clientId;
    };
    const [connected, left, lost] = [await old(), await old(), await old()];
    await claimFor(edge, connected, living);
    await edge.release(left, living, await claimFor(edge, left, living));
    await claimFor(edge, lost, 'dead-edge');
    await reapAll(HOUR_MS / 1000);
    await reapAll(HOUR_MS / 1000);
    for (const clientId of [connected, left, lost]) expect(await api.broker.readClient(clientId)).not.toBeNull();
  });

  it('does not unregister who connected after it was looked at', async () => {
    const clientId = await api.client();
    const seen = await api.broker.readClient(clientId);
    if (seen === null) throw new Error('just registered');
    const generation = await claimFor(edge, clientId, living);
    expect(await api.broker.unregisterUnused(seen)).toBe(false);
    await edge.release(clientId, living, generation);
    expect(await api.broker.unregisterUnused({ ...seen, since: seen.since - 1 })).toBe(false);
    const present = await api.broker.readClient(clientId);
    expect(present !== null && (await api.broker.unregisterUnused(present))).toBe(true);
  });
});

describe('clients of edges that die', () => {
  let api: TestApi;
  let other: ReturnType<typeof controlBroker>;
  let events: ReturnType<typeof testEvents>;
  beforeAll(async () => {
    api = await startTestApi();
    other = controlBroker(api.redis.commands, api.prefix);
    events = testEvents(api.redis.commands, { keys: redisKeys(api.prefix), control: api.broker, edge: other });
  });
  afterAll(() => api.stop());

  /** An edge with so many clients, dead or alive. */
  async function edgeWith(count: number): Promise<{ edge: TestEdge; clients: string[] }> {
    const edge = await startTestEdge(api);
    // Its lease would run out in another test.
    onTestFinished(async () => {
      await edge.die();
      edge.stop();
    });
    await edge.broker.refreshEvents();
    const clients = await Promise.all(Array.from({ length: count }, () => api.client()));
    for (const client of clients) await edge.hold(client);
    return { edge, clients };
  }

  const ends = async (clients: readonly string[]) => {
    const all = await Promise.all(clients.map((client) => events.ofClient(client)));
    return all.flatMap((one) => one.flatMap(({ data }) => (data['reason'] as string | undefined) ?? []));
  };

  it('are all released at once while it is wanted how connections end', async () => {
    await events.want({ 'client.disconnected': null });
    const [dead, living] = [await edgeWith(700), await edgeWith(3)];
    await dead.edge.lapse();
    await releaseClientsOfDead(api.broker, api.log.logger);
    expect(await ends(dead.clients)).toEqual(dead.clients.map(() => 'edge-died'));
    expect(await ends(living.clients)).toEqual([]);
    expect(api.log.linesWith('clients of edges that died')).toMatchObject([{ edges: [dead.edge.id], released: 700 }]);
  });

  it('are searched for by one process, once for each death', async () => {
    await events.want({ 'client.disconnected': null });
    const { edge, clients } = await edgeWith(1);
    await edge.lapse();
    const begun = await Promise.all([api.broker.beginSearches(), other.beginSearches()]);
    expect(begun.flat().filter(({ id }) => id === edge.id)).toHaveLength(1);
    await api.broker.endSearches(begun.flat());
    expect(await api.broker.beginSearches()).toEqual([]);
    await edge.broker.renewLease({ ...detailsOfEdge, id: edge.id });
    await edge.lapse();
    await releaseClientsOfDead(other, api.log.logger);
    expect(await ends(clients)).toEqual(['edge-died']);
  });

  it('are searched for by another process when the first one died', async () => {
    await events.want({ 'client.disconnected': null });
    const { edge } = await edgeWith(1);
    await edge.lapse();
    expect((await api.broker.beginSearches()).map(({ id }) => id)).toEqual([edge.id]);
    const search = redisKeys(api.prefix).edgeSearch(edge.id);
    expect(await api.redis.commands.pttl(search)).toBeLessThanOrEqual(10_000);
    // It has begun a while ago: that others look does not prolong it.
    await api.redis.commands.pexpire(search, 2_000);
    expect(await other.beginSearches()).toEqual([]);
    expect(await api.redis.commands.pttl(search)).toBeLessThanOrEqual(2_000);
    await api.redis.commands.del(search);
    expect((await other.beginSearches()).map(({ id }) => id)).toEqual([edge.id]);
  });

  it('are left to the steady round while nothing is wanted', async () => {
    await events.end();
    const { edge, clients } = await edgeWith(1);
    await edge.lapse();
    await releaseClientsOfDead(api.broker, api.log.logger);
    expect((await api.broker.readClient(clients[0] ?? ''))?.owner?.edge).toBe(edge.id);
  });
});

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

test('the reaper recovers abandoned registrations of every key, and logs how many', async () => {
  const asked: [string, number][] = [];
  const broker = {
    ...api.broker,
    recoverAbandoned: async (key: string, olderThanMs: number) => {
      asked.push([key, olderThanMs]);
      return key === 'news' ? 2 : api.broker.recoverAbandoned(key, olderThanMs);
    },
  };
  await reapLeftovers(broker, api.keys, api.log.logger);
  expect(asked).toEqual(api.keys.ids().map((id) => [id, 60_000]));
  expect(api.log.linesWith('recovered abandoned registrations')).toMatchObject([{ key: 'news', settled: 2 }]);
});

test('a key whose node is away does not keep the others from it', async () => {
  const [first, ...others] = api.keys.ids();
  const reaped: string[] = [];
  const broker = {
    ...api.broker,
    recoverAbandoned: async (key: string) => {
      if (key === first) throw new Error('its node is away');
      reaped.push(key);
      return 0;
    },
  };
  await expect(reapLeftovers(broker, api.keys, api.log.logger)).rejects.toThrow('its node is away');
  expect(reaped).toEqual(others);
});

test('the reaper goes on until it is stopped, also after a failure', async () => {
  let rounds = 0;
  const broker = {
    ...api.broker,
    reapEdges: async () => {
      rounds += 1;
      throw new Error('this time');
    },
  };
  const { keys, redis } = api;
  const stop = startReaper({ broker, redis, keys, expiry: () => null, logger: api.log.logger });
  await eventually(() => expect(rounds).toBeGreaterThan(1));
  stop();
  expect(api.log.linesWith('reaper failed').length).toBeGreaterThan(0);
});

test('the reaper has topics expire, but not while edges may not have subscribed yet', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const topic = 'reaped';
  await api.broker.putTopic(topic, { expireSeconds: 1 });
  const isThere = async () => (await api.broker.readTopics([topic]))[0] !== null;
  let looked = 0;
  const listeners: (() => void)[] = [];
  const redis: Parameters<typeof startReaper>[0]['redis'] = {
    onReady: (listener) => listeners.push(() => listener(undefined as never, true)),
  };
  const broker = {
    ...api.broker,
    reapEdges: async () => void (looked += 1),
  };
  onTestFinished(startReaper({ broker, redis, keys: api.keys, expiry: () => null, logger: api.log.logger }));
  vi.advanceTimersByTime(59_000);
  for (const comesBack of listeners) comesBack();
  vi.advanceTimersByTime(59_000);
  await eventually(() => expect(looked).toBeGreaterThan(0));
  expect(await isThere()).toBe(true);
  vi.advanceTimersByTime(2_000);
  await eventually(async () => expect(await isThere()).toBe(false));
  await eventually(() => expect(api.log.linesWith('topics expired')).toMatchObject([{ expired: 1 }]));
});
