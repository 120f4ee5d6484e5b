import type { EdgeDetails, EdgeLoad } from '@holdfast/broker/edge-state';
import type { capacityResponse, capacityUse, headRoom, limit } from '@holdfast/protocol/rest/edges';
import type { RedisLoad } from '@holdfast/redis/load';
import type { z } from 'zod';

type Use = z.output<typeof capacityUse>;
type Limit = z.output<typeof limit>;

const MICROS_PER_SECOND = 1_000_000;

/**
 * What an installation uses, and what more fits in by the model.
 * @param redis every Redis that holds data; none when it could not be asked
 */
export function capacityOf(
  edges: readonly EdgeDetails[],
  redis: readonly RedisLoad[],
): z.output<typeof capacityResponse> {
  const loaded = edges.filter(isLoaded);
  const hosts = hostsOf(loaded);
  const withoutLoad = edges.filter((edge) => !isLoaded(edge));
  const total = {
    connections: sum(edges, ({ connections }) => connections),
    maxConnections: sum(edges, ({ maxConnections }) => maxConnections),
    messagesPerSecond: sum(loaded, ({ load }) => load.messagesPerSecond),
    deliveriesPerSecond: sum(loaded, ({ load }) => load.deliveriesPerSecond),
  };
  const used: Use = {
    connections: total.maxConnections === 0 ? 0 : total.connections / total.maxConnections,
    edgeCpu: highest(hosts.map(({ cpu, cores }) => cpu / cores)),
    edgeMemory: highest(hosts.map(({ rssBytes, availableBytes }) => rssBytes / (rssBytes + availableBytes))),
    redisCpu: highest(redis.map(({ cpu }) => cpu)),
    redisMemory: highest(redis.flatMap(({ usedBytes, maxBytes }) => (maxBytes === null ? [] : [usedBytes / maxBytes]))),
  };
  return {
    edges: edges.map(({ id, url, connections, maxConnections, draining, load = null }) => ({
      id,
      url,
      connections,
      maxConnections,
      draining,
      load,
    })),
    redis: [...redis],
    total,
    used,
    limitedBy: bottleneck(used),
    headRoom: {
      // Of edges that report no load only their places are known.
      connections: sum(hosts, roomForConnections) + sum(withoutLoad, freePlaces),
      ...roomInRedis(redis, edges.length),
      deliveriesPerSecond: hosts.length === 0 ? null : Math.floor(sum(hosts, roomForDeliveries)),
    },
  };
}

function roomForConnections({ freePlaces: places, availableBytes }: Host): number {
  return Math.min(places, Math.floor((model.usableShare * availableBytes) / model.edgeConnectionBytes));
}

function roomForDeliveries({ cpu, cores }: Host): number {
  return perSecond(model.usableShare * cores - cpu, model.edgeDeliveryCpuMicros);
}

type RoomInRedis = Pick<z.output<typeof headRoom>, 'clients' | 'publishesPerSecond'>;

function roomInRedis(redis: readonly RedisLoad[], edges: number): RoomInRedis {
  if (redis.length === 0) return { clients: null, publishesPerSecond: null };
  const publishMicros = model.redisPublishCpuMicros + edges * model.redisDeliverCpuMicros;
  const free = redis.map(({ usedBytes, maxBytes }) =>
    maxBytes === null ? null : Math.max(0, model.usableShare * maxBytes - usedBytes),
  );
  const bounded = free.filter((bytes) => bytes !== null);
  return {
    // Clients are spread evenly over all of them: when the fullest has no room there is none.
    clients:
      bounded.length < free.length ? null : Math.floor((Math.min(...bounded) * redis.length) / model.redisClientBytes),
    publishesPerSecond: Math.floor(sum(redis, ({ cpu }) => perSecond(model.usableShare - cpu, publishMicros))),
  };
}

/** How often something that costs so much CPU time fits into so many cores. */
function perSecond(cores: number, costMicros: number): number {
  return (Math.max(0, cores) * MICROS_PER_SECOND) / costMicros;
}

function highest(shares: readonly number[]): number | null {
  return shares.length === 0 ? null : Math.max(...shares);
}

function bottleneck(used: Use): Limit | null {
  const shares = Object.entries(used) as [Limit, number | null][];
  const [most] = shares.toSorted(([, a], [, b]) => (b ?? 0) - (a ?? 0));
  return most && (most[1] ?? 0) > 0 ? most[0] : null;
}

/** Edges that share cores and memory. */
interface Host {
  readonly freePlaces: number;
  /** Cores that its edges can use: one each, as far as there are any. */
  readonly cores: number;
  /** Cores that they do use. */
  readonly cpu: number;
  readonly rssBytes: number;
  readonly availableBytes: number;
}

type LoadedEdge = EdgeDetails & { readonly load: EdgeLoad };

function isLoaded(edge: EdgeDetails): edge is LoadedEdge {
  return edge.load !== undefined;
}

/** Draining edges use what they use, and have no place to give. */
function hostsOf(edges: readonly LoadedEdge[]): Host[] {
  return [...Map.groupBy(edges, ({ load }) => load.host).values()].map((group) => ({
    freePlaces: sum(group, freePlaces),
    cores: Math.min(group.length, Math.max(...group.map(({ load }) => load.cores))),
    cpu: sum(group, ({ load }) => load.cpu),
    rssBytes: sum(group, ({ load }) => load.rssBytes),
    // They share it, and each reports all of it.
    availableBytes: Math.min(...group.map(({ load }) => load.availableBytes)),
  }));
}

function freePlaces({ draining, connections, maxConnections }: EdgeDetails): number {
  return draining ? 0 : Math.max(0, maxConnections - connections);
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/**
 * What things cost, as measured with this repository: docs/scaling.md describes the measurement and plans with the same
 * figures. Of a range, the dearer end.
 */
export const model = {
  /** CPU time of an edge to put one message of 100 to 200 bytes on one connection, in microseconds. 8 to 11 measured. */
  edgeDeliveryCpuMicros: 11,
  /** Memory of an edge for an idle connection with two topics, in bytes. 6 to 9 kB measured. */
  edgeConnectionBytes: 9_000,
  /**
   * Memory of Redis for a registered client with two topics, in bytes: 381 (303 measured at best), and what is remembered of
   * its connections of the last day: 392 for one, 3,272 for sixteen, which a phone may have.
   */
  redisClientBytes: 3_650,
  /** CPU time of Redis for one publish, script and log, in microseconds, under load. */
  redisPublishCpuMicros: 28,
  /** The same for each subscribed edge, once Redis is busy enough for answers to share a write. */
  redisDeliverCpuMicros: 0.5,
  /**
   * The share of a core, and of memory, to plan with. Past it waiting times grow, and nothing is left for clients that
   * come back all at once.
   */
  usableShare: 0.8,
} as const;
