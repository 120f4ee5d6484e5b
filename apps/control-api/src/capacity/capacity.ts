import type { EdgeDetails } from '@holdfast/broker/broker';
import type { capacityResponse, capacityUse, headRoom, limit } from '@holdfast/protocol/rest/capacity';
import type { RedisLoad } from '@holdfast/redis/load';
import type { z } from 'zod';
import { type Host, freePlaces, hostsOf, isLoaded, sum } from './hosts.ts';
import { model } from './model.ts';

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
  const untold = edges.filter((edge) => !isLoaded(edge));
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
    limitedBy: mostUsed(used),
    headRoom: {
      // Of what edges do not tell only their places are known.
      connections: sum(hosts, roomForConnections) + sum(untold, freePlaces),
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
  const publishMicros = model.redisPublishCpuMicros + edges * model.redisHearingCpuMicros;
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

function mostUsed(used: Use): Limit | null {
  const shares = Object.entries(used) as [Limit, number | null][];
  const [most] = shares.toSorted(([, a], [, b]) => (b ?? 0) - (a ?? 0));
  return most && (most[1] ?? 0) > 0 ? most[0] : null;
}
