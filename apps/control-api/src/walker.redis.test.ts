import { randomUUID } from 'node:crypto';
import { edgeBroker } from '@holdfast/broker/redis-broker';
import { connectRedis, closeRedis, waitForRedis } from '@holdfast/redis/connection';
import { redisUrl } from '@holdfast/testkit/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestApi, startTestApi } from './test-api.ts';
import { claimFor } from './test-edge.ts';
import { walk } from './walker.ts';

const HOUR_MS = 3_600_000;

describe('the walk through all clients', () => {
  let api: TestApi;
  let redis: ReturnType<typeof connectRedis>;
  let edge: ReturnType<typeof edgeBroker>;
  const living = 'living-edge';

  beforeAll(async () => {
    api = await startTestApi();
    redis = connectRedis(
      { kind: 'single', url: redisUrl() },
      { name: 'walker', role: 'commands', logger: api.log.logger },
    );
    await waitForRedis(redis, api.log);
    edge = edgeBroker(redis, api.prefix);
    const details = { url: 'ws://127.0.0.1:1', connections: 0, maxConnections: 1, draining: false, startedAt: 0 };
    await edge.renewLease({ id: living, ...details });
  });
  afterAll(async () => {
    await closeRedis(redis);
    await api.stop();
  });

  const walkAll = (expiryMs: number | null) => walk(api.broker, null, expiryMs, api.log.logger);
  const owner = async (clientId: string) => (await api.broker.readClient(clientId))?.owner ?? null;

  it('gives up the clients of an edge that died, and leaves those of a living one', async () => {
    const [lost, held] = [await api.client(), await api.client()];
    await claimFor(edge, lost, 'dead-edge');
    const generation = await claimFor(edge, held, living);
    await walkAll(null);
    expect(await owner(lost)).toBeNull();
    expect(await owner(held)).toEqual({ edge: living, generation });
  });

  it('unregisters who has not been used for the expiry, and frees the name', async () => {
    const registered = { key: 'all', name: 'idle', topics: new Map() };
    const old = { ...registered, clientId: randomUUID(), registeredAt: Date.now() - 2 * HOUR_MS };
    expect(await api.broker.register(old, null)).toBe('registered');
    const fresh = await api.client();
    await walkAll(HOUR_MS);
    expect(await api.broker.readClient(old.clientId)).toBeNull();
    expect(await api.broker.readClient(fresh)).not.toBeNull();
    const again = { ...registered, clientId: randomUUID(), registeredAt: Date.now() };
    expect(await api.broker.register(again, null)).toBe('registered');
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
    await walkAll(HOUR_MS);
    await walkAll(HOUR_MS);
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
