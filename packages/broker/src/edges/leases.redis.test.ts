import { randomUUID } from 'node:crypto';
import { eventually } from '@holdfast/testkit/eventually';
import { describe, expect, test } from 'vitest';
import type { EdgeDetails } from './state.ts';
import { LEASE_MS } from './leases.ts';
import { openBroker, openRedis } from '../testing/brokers.ts';

const { redis, keys, control, edge } = await openBroker();
const someEdge = (fields: Partial<EdgeDetails> = {}): EdgeDetails => ({
  id: randomUUID(),
  url: 'ws://127.0.0.1:7701',
  connections: 3,
  maxConnections: 1000,
  draining: false,
  startedAt: 1_732_345_678_901,
  ...fields,
});

async function lapse(id: string): Promise<void> {
  await redis.pexpire(keys.edge(id), 1);
  await eventually(async () => expect(await redis.exists(keys.edge(id))).toBe(0));
}

async function listed(id: string): Promise<EdgeDetails | undefined> {
  return (await control.liveEdges()).find((other) => other.id === id);
}

describe('a lease', () => {
  test('begins with its first renewal, which tells that there was none', async () => {
    const details = someEdge();
    expect(await control.alive([details.id])).toEqual(new Set());
    expect(await edge.renewLease(details)).toMatchObject({ alive: false });
    expect(await edge.renewLease(details)).toMatchObject({ alive: true });
    expect(await control.alive([details.id])).toEqual(new Set([details.id]));
  });

  test('runs out by itself, within the time after which no client may count as connected', async () => {
    const details = someEdge();
    await edge.renewLease(details);
    const left = await redis.pttl(keys.edge(details.id));
    expect(left).toBeGreaterThan(LEASE_MS / 2);
    expect(left).toBeLessThanOrEqual(LEASE_MS);
    expect(LEASE_MS).toBeLessThan(15_000);
  });

  test('is longer again with each renewal', async () => {
    const details = someEdge();
    await edge.renewLease(details);
    await redis.pexpire(keys.edge(details.id), LEASE_MS / 10);
    await edge.renewLease(details);
    expect(await redis.pttl(keys.edge(details.id))).toBeGreaterThan(LEASE_MS / 2);
  });

  test('that ran out is no life, and the next renewal tells that it had lapsed', async () => {
    const details = someEdge();
    await edge.renewLease(details);
    await lapse(details.id);
    expect(await control.alive([details.id])).toEqual(new Set());
    expect(await listed(details.id)).toBeUndefined();
    expect(await edge.renewLease(details)).toMatchObject({ alive: false });
    expect(await listed(details.id)).toEqual(details);
  });

  test('ends at once when it is dropped, with its dirty set', async () => {
    const details = someEdge();
    await edge.renewLease(details);
    await edge.notify([details.id], 'a');
    await edge.dropLease(details.id);
    expect(await control.alive([details.id])).toEqual(new Set());
    expect(await listed(details.id)).toBeUndefined();
    expect(await edge.readPending(details.id, 10)).toEqual([]);
    expect(await edge.renewLease(details)).toMatchObject({ alive: false });
  });
});

describe('live edges', () => {
  test('are listed with what they last said of themselves', async () => {
    const details = someEdge();
    await edge.renewLease(details);
    const later = { ...details, connections: 7, draining: true };
    await edge.renewLease(later);
    expect(await listed(details.id)).toEqual(later);
  });

  test('are listed with how busy they are, when they say it', async () => {
    const load = {
      host: 'a-host',
      cores: 4,
      cpu: 0.25,
      eventLoopUtilization: 0.125,
      rssBytes: 150_000_000,
      availableBytes: 8_000_000_000,
      messagesPerSecond: 12.5,
      deliveriesPerSecond: 30_000,
    };
    const details = someEdge({ load });
    await edge.renewLease(details);
    expect(await listed(details.id)).toEqual(details);
    const more = { ...load, lostAnnounced: 3, probeLatencyMs: 0.75, openFiles: 700, clockDifferenceMs: -2 };
    await edge.renewLease({ ...details, load: more });
    expect(await listed(details.id)).toEqual({ ...details, load: more });
  });

  test('are listed with the connections of each app', async () => {
    const details = someEdge({ appConnections: { shop: 2, constructor: 1 } });
    await edge.renewLease(details);
    expect(await listed(details.id)).toEqual(details);
    await edge.renewLease({ ...details, appConnections: {} });
    expect(await listed(details.id)).toEqual({ ...details, appConnections: {} });
  });

  test('keep the facts that were written once, and are listed without those that cannot be read', async () => {
    const details = someEdge({ leaving: false });
    const facts = { version: '1.2.3', heartbeatMs: 25_000 };
    await edge.renewLease({ ...details, facts });
    await edge.renewLease(details);
    expect(await listed(details.id)).toEqual({ ...details, facts });
    await redis.hset(keys.edge(details.id), 'facts', '{"version":');
    expect(await listed(details.id)).toEqual({ ...details, facts: {} });
  });

  test('are distinguished from those that are not', async () => {
    const [one, two, dead] = [someEdge(), someEdge(), someEdge()];
    for (const details of [one, two, dead]) await edge.renewLease(details);
    await lapse(dead.id);
    const asked = [one.id, dead.id, 'unknown', two.id, one.id];
    expect(await control.alive(asked)).toEqual(new Set([one.id, two.id]));
    expect(await control.alive([])).toEqual(new Set());
  });

  test('have no lease that lasts longer than it may, when the clock of Redis was set back', async () => {
    const [asked, listedOnly] = [someEdge(), someEdge()];
    for (const details of [asked, listedOnly]) {
      await edge.renewLease(details);
      await redis.pexpire(keys.edge(details.id), 3_600_000);
    }
    const left = () => Promise.all([asked, listedOnly].map(({ id }) => redis.pttl(keys.edge(id))));
    expect(await control.alive([asked.id])).toEqual(new Set([asked.id]));
    const [first = 0, second = 0] = await left();
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThanOrEqual(LEASE_MS);
    expect(second).toBeGreaterThan(LEASE_MS);
    await control.reapEdges();
    expect(Math.max(...(await left()))).toBeLessThanOrEqual(LEASE_MS);
  });

  test('stay in the list when it is swept; those that died long ago are forgotten', async () => {
    const [alive, slow, dead, deadOfLate] = [someEdge(), someEdge(), someEdge(), someEdge()];
    for (const details of [alive, slow, dead, deadOfLate]) await edge.renewLease(details);
    await lapse(dead.id);
    await lapse(deadOfLate.id);
    // By a clock that is behind, or long ago: the lease decides.
    await redis.zadd(keys.edges(), 5, slow.id, 5, dead.id);
    await control.reapEdges();
    const left = await redis.zrange(keys.edges(), '0', '-1');
    expect(left).toEqual(expect.arrayContaining([alive.id, slow.id, deadOfLate.id]));
    expect(left).not.toContain(dead.id);
  });
});

describe('a drain request', () => {
  test('is answered with each renewal until there is a newer one', async () => {
    const details = someEdge({ leaving: false });
    const never = { drain: false, at: 0 };
    expect(await edge.renewLease(details)).toMatchObject({ request: never });
    expect(await control.requestDrain(details.id, true)).toBe('requested');
    const first = (await edge.renewLease(details, never)).request;
    expect(first.drain).toBe(true);
    expect(Math.abs(first.at - Date.now())).toBeLessThan(60_000);
    expect((await edge.renewLease(details, first)).request).toEqual(first);
    expect(await control.requestDrain(details.id, false)).toBe('requested');
    const second = (await edge.renewLease(details, first)).request;
    expect(second.drain).toBe(false);
    expect(second.at).toBeGreaterThan(first.at);
  });

  test('is later than the one before, also when the clock of Redis was set back', async () => {
    const details = someEdge();
    const known = { drain: true, at: Date.now() + 3_600_000 };
    await edge.renewLease(details, known);
    await control.requestDrain(details.id, false);
    expect((await edge.renewLease(details, known)).request).toEqual({ drain: false, at: known.at + 1 });
  });

  test('that Redis has lost is written back by the edge', async () => {
    const details = someEdge();
    await edge.renewLease(details);
    await control.requestDrain(details.id, true);
    const { request } = await edge.renewLease(details);
    await redis.hset(keys.edge(details.id), 'drain', '0', 'drainAt', '0');
    expect((await edge.renewLease(details, request)).request).toEqual(request);
    await lapse(details.id);
    expect(await edge.renewLease(details, request)).toMatchObject({ alive: false, request });
  });

  test('to an edge without a lease changes nothing', async () => {
    const id = randomUUID();
    expect(await control.requestDrain(id, true)).toBe('not-found');
    expect(await redis.exists(keys.edge(id))).toBe(0);
  });

  test('is refused for an edge of a version that does not know of it', async () => {
    const id = randomUUID();
    await redis.hset(keys.edge(id), 'id', id, 'url', 'ws://old');
    expect(await control.requestDrain(id, true)).toBe('too-old');
    expect(await redis.hexists(keys.edge(id), 'drain')).toBe(0);
  });

  test('to an edge that is ending says so', async () => {
    const details = someEdge({ draining: true, leaving: true });
    await edge.renewLease(details);
    expect(await control.requestDrain(details.id, false)).toBe('leaving');
  });

  test('reaches the edge on its live channel at once', async () => {
    const details = someEdge();
    await edge.renewLease(details);
    const published = Promise.withResolvers<string>();
    const subscriber = await openRedis('subscriber');
    subscriber.on('smessage', (_channel: string, payload: string) => published.resolve(payload));
    await subscriber.ssubscribe(keys.edgeLive(details.id));
    await control.requestDrain(details.id, true);
    expect(await published.promise).toBe('renew');
  });
});

test('a renewal tells what time it is by Redis', async () => {
  const { redisNow } = await edge.renewLease(someEdge());
  expect(Math.abs(redisNow - Date.now())).toBeLessThan(60_000);
});
