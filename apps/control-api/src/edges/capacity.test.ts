import type { EdgeDetails, EdgeLoad } from '@holdfast/broker/edge-state';
import { capacityResponse } from '@holdfast/protocol/rest/edges';
import type { RedisLoad } from '@holdfast/redis/load';
import { describe, expect, it } from 'vitest';
import { capacityOf, model } from './capacity.ts';

function edge(details: Partial<EdgeDetails> = {}, load: Partial<EdgeLoad> | null = {}): EdgeDetails {
  const idle = {
    host: 'a',
    cores: 4,
    cpu: 0,
    eventLoopUtilization: 0,
    rssBytes: 100e6,
    availableBytes: 900e6,
    messagesPerSecond: 0,
    deliveriesPerSecond: 0,
  };
  const reported = load === null ? {} : { load: { ...idle, ...load } };
  return {
    id: 'e',
    url: 'ws://e',
    connections: 0,
    maxConnections: 1000,
    draining: false,
    startedAt: 0,
    ...reported,
    ...details,
  };
}

function redis(load: Partial<RedisLoad> = {}): RedisLoad {
  return {
    usedBytes: 0,
    maxBytes: 1e9,
    cpu: 0,
    commandsPerSecond: 0,
    outputBytesPerSecond: 0,
    connectedClients: 1,
    maxClients: 10_000,
    ...load,
  };
}

describe('what is used', () => {
  it('is summed over edges, and what limits first is what is used most', () => {
    const capacity = capacityOf(
      [
        edge({ connections: 300 }, { cpu: 0.5, messagesPerSecond: 1, deliveriesPerSecond: 10 }),
        edge({ connections: 100 }, { cpu: 0.1, messagesPerSecond: 2, deliveriesPerSecond: 20 }),
      ],
      [redis({ cpu: 0.25, usedBytes: 150e6 })],
    );
    expect(capacity.total).toEqual({
      connections: 400,
      maxConnections: 2000,
      messagesPerSecond: 3,
      deliveriesPerSecond: 30,
    });
    expect(capacity.used).toEqual({
      connections: 0.2,
      edgeCpu: 0.3,
      edgeMemory: 200e6 / 1100e6,
      redisCpu: 0.25,
      redisMemory: 0.15,
    });
    expect(capacity.limitedBy).toBe('edgeCpu');
    expect(capacityResponse.strict().parse(capacity)).toEqual(capacity);
  });

  it('is that of the busiest host and of the busiest Redis', () => {
    const { used, limitedBy } = capacityOf(
      [edge({}, { host: 'a', cpu: 0.1 }), edge({}, { host: 'b', cpu: 0.7 })],
      [redis({ cpu: 0.2 }), redis({ cpu: 0.9, usedBytes: 500e6 })],
    );
    expect(used).toMatchObject({ edgeCpu: 0.7, redisCpu: 0.9, redisMemory: 0.5 });
    expect(limitedBy).toBe('redisCpu');
  });

  it('of edges that share fewer cores than they are is a share of these cores', () => {
    const four = Array.from({ length: 4 }, () => edge({}, { cores: 2, cpu: 0.4 }));
    expect(capacityOf(four, []).used.edgeCpu).toBe(0.8);
  });

  it('is zero, and nothing limits, without an edge', () => {
    expect(capacityOf([], [])).toEqual({
      edges: [],
      redis: [],
      total: { connections: 0, maxConnections: 0, messagesPerSecond: 0, deliveriesPerSecond: 0 },
      used: { connections: 0, edgeCpu: null, edgeMemory: null, redisCpu: null, redisMemory: null },
      limitedBy: null,
      headRoom: { connections: 0, clients: null, publishesPerSecond: null, deliveriesPerSecond: null },
    });
  });
});

const deliveriesAt = (cpu: number) => capacityOf([edge({}, { cpu })], []).headRoom.deliveriesPerSecond;
const publishesWith = (edges: number, ...loads: RedisLoad[]) =>
  capacityOf(
    Array.from({ length: edges }, () => edge()),
    loads,
  ).headRoom.publishesPerSecond;
const clientsIn = (...loads: RedisLoad[]) => capacityOf([], loads).headRoom.clients;

describe('what more fits in', () => {
  /** Four fifths of them may be planned with. */
  const availableBytes = 100_000 * model.edgeConnectionBytes;

  it('are connections by places or by memory, whichever is less on a host', () => {
    const byPlaces = edge({ connections: 400 }, { host: 'a' });
    const byMemory = edge({ maxConnections: 1_000_000 }, { host: 'b', availableBytes });
    expect(capacityOf([byPlaces], []).headRoom.connections).toBe(600);
    expect(capacityOf([byMemory], []).headRoom.connections).toBe(80_000);
    expect(capacityOf([byPlaces, byMemory], []).headRoom.connections).toBe(80_600);
  });

  it('is not counted twice when edges share the memory and the cores of a host', () => {
    const big = { maxConnections: 1_000_000 };
    const two = [edge(big, { availableBytes, cores: 1 }), edge(big, { availableBytes, cores: 1 })];
    const { connections, deliveriesPerSecond } = capacityOf(two, []).headRoom;
    expect(connections).toBe(80_000);
    expect(deliveriesPerSecond).toBe(Math.floor(0.8e6 / model.edgeDeliveryCpuMicros));
  });

  it('are deliveries by the cores that edges leave of what is usable, and never less than none', () => {
    const perCore = 1e6 / model.edgeDeliveryCpuMicros;
    expect(deliveriesAt(0)).toBe(Math.floor(0.8 * perCore));
    expect(deliveriesAt(0.55)).toBe(Math.floor((0.8 - 0.55) * perCore));
    expect(deliveriesAt(0.95)).toBe(0);
  });

  it('are publishes by the CPU of every Redis, fewer the more edges hear them', () => {
    expect(publishesWith(0, redis())).toBe(Math.floor(0.8e6 / model.redisPublishCpuMicros));
    expect(publishesWith(0, redis(), redis())).toBe(Math.floor((2 * 0.8e6) / model.redisPublishCpuMicros));
    expect(publishesWith(0, redis({ cpu: 0.9 }))).toBe(0);
    const dear = model.redisPublishCpuMicros + 64 * model.redisDeliverCpuMicros;
    expect(publishesWith(64, redis())).toBe(Math.floor(0.8e6 / dear));
  });

  it('are clients by what the fullest Redis has left of its maxmemory, and unknown where one has none', () => {
    expect(clientsIn(redis({ usedBytes: 400e6 }))).toBe(Math.floor(400e6 / model.redisClientBytes));
    expect(clientsIn(redis({ usedBytes: 400e6 }), redis())).toBe(Math.floor((2 * 400e6) / model.redisClientBytes));
    expect(clientsIn(redis({ usedBytes: 900e6 }))).toBe(0);
    expect(clientsIn(redis(), redis({ maxBytes: null }))).toBeNull();
  });

  it('has no place on a draining edge, and of an edge that does not tell its load only its places', () => {
    expect(capacityOf([edge({ draining: true }), edge({ connections: 990 }, null)], []).headRoom).toMatchObject({
      connections: 10,
    });
    const untold = capacityOf([edge({ connections: 990 }, null)], []);
    expect(untold.edges[0]?.load).toBeNull();
    expect(untold.headRoom).toMatchObject({ connections: 10, deliveriesPerSecond: null });
  });
});
