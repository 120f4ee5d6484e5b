import type { Keys } from '../keys.ts';
import type { EdgeDetails, EdgeLoad } from '../broker.ts';
import type { Commands } from '@holdfast/redis/commands';
import { numberOf } from '../lua/replies.ts';
import { asked, run } from '@holdfast/redis/script';
import { loadScript } from '../lua/scripts.ts';

const renewLeaseScript = loadScript('renew-lease');

/**
 * How long a lease lasts after its last renewal. Renewed every second, so that many renewals may fail
 * before it counts as dead, and short enough that no client is reported as connected 15 s after its edge died.
 */
export const LEASE_MS = 10_000;

/** How long the list still names an edge whose lease ran out; the lease itself is what counts. */
const FORGET_EDGE_MS = 60_000;

const DETAILS = ['id', 'url', 'connections', 'maxConnections', 'draining', 'startedAt'] as const;
const LOAD = [
  'cores',
  'cpu',
  'eventLoopUtilization',
  'rssBytes',
  'availableBytes',
  'messagesPerSecond',
  'deliveriesPerSecond',
] as const satisfies readonly (keyof EdgeLoad)[];

/** The lease is a key that expires: Redis' own clock decides, whatever the clocks of edges and control-apis. */
export function leaseStore(redis: Commands, keys: Keys) {
  async function renewLease({ load, ...details }: EdgeDetails): Promise<boolean> {
    const fields = Object.entries({ ...details, ...load }).flatMap(([name, value]) => [name, String(value)]);
    const [wasAlive] = await Promise.all([
      run(redis, renewLeaseScript, [keys.edge(details.id)], [LEASE_MS, ...fields]),
      asked(redis.zadd(keys.edges(), Date.now(), details.id)),
    ]);
    return numberOf('renew-lease', wasAlive) === 1;
  }

  async function dropLease(edge: string): Promise<void> {
    await Promise.all([
      asked(redis.del(keys.edge(edge))),
      asked(redis.del(keys.edgeDirty(edge))),
      asked(redis.zrem(keys.edges(), edge)),
    ]);
  }

  async function liveEdges(): Promise<EdgeDetails[]> {
    const edges = await asked(redis.zrange(keys.edges(), '0', '-1'));
    const details = await Promise.all(edges.map((edge) => detailsOf(edge)));
    return details.filter((edge) => edge !== null);
  }

  async function alive(edges: readonly string[]): Promise<Set<string>> {
    const unique = [...new Set(edges)];
    const found = await Promise.all(unique.map((edge) => asked(redis.exists(keys.edge(edge)))));
    return new Set(unique.filter((_, index) => found[index] === 1));
  }

  /** Removes from the list what has no lease any more. An edge that comes back lists itself again. */
  async function reapEdges(): Promise<void> {
    const due = Date.now() - FORGET_EDGE_MS;
    const old = await asked(redis.zrangebyscore(keys.edges(), '-inf', due));
    const living = await alive(old);
    const dead = old.filter((edge) => !living.has(edge));
    if (dead.length > 0) await asked(redis.zrem(keys.edges(), ...dead));
  }

  async function detailsOf(edge: string): Promise<EdgeDetails | null> {
    const values = await asked(redis.hmget(keys.edge(edge), ...DETAILS, 'host', ...LOAD));
    const [id, url, connections, maxConnections, draining, startedAt, host, ...load] = values;
    if (!id || !url) return null;
    return {
      id,
      url,
      connections: Number(connections),
      maxConnections: Number(maxConnections),
      draining: draining === 'true',
      startedAt: Number(startedAt),
      ...(host ? { load: loadOf(host, load) } : {}),
    };
  }

  return { renewLease, dropLease, liveEdges, alive, reapEdges };
}

/** @param values in the order of `LOAD` */
function loadOf(host: string, values: readonly (string | null)[]): EdgeLoad {
  const numbers = LOAD.map((name, index) => [name, Number(values[index])] as const);
  return { host, ...(Object.fromEntries(numbers) as Record<(typeof LOAD)[number], number>) };
}
