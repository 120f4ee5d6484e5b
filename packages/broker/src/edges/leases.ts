import type { Keys } from '../keys.ts';
import type { EdgeDetails, EdgeLoad } from '../broker.ts';
import type { Commands } from '@holdfast/redis/commands';
import { numberOf } from '../lua/replies.ts';
import { asked, run } from '@holdfast/redis/script';
import { loadScript } from '../lua/scripts.ts';

const renewLeaseScript = loadScript('renew-lease');

/**
 * How long an edge is believed after its last sign of life. Renewed every second, so that many renewals may fail
 * before it counts as dead, and short enough that nobody is called connected 15 s after its edge died.
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

/** The lease is a key that expires: Redis' own clock decides, whatever the clocks of edges and control-apis say. */
export class Leases {
  readonly #redis: Commands;
  readonly #keys: Keys;

  constructor(redis: Commands, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async renew({ load, ...details }: EdgeDetails): Promise<boolean> {
    const fields = Object.entries({ ...details, ...load }).flatMap(([name, value]) => [name, String(value)]);
    const [alive] = await Promise.all([
      run(this.#redis, renewLeaseScript, [this.#keys.edge(details.id)], [LEASE_MS, ...fields]),
      asked(this.#redis.zadd(this.#keys.edges(), Date.now(), details.id)),
    ]);
    return numberOf('renew-lease', alive) === 1;
  }

  async drop(edge: string): Promise<void> {
    await Promise.all([
      asked(this.#redis.del(this.#keys.edge(edge))),
      asked(this.#redis.del(this.#keys.edgeDirty(edge))),
      asked(this.#redis.zrem(this.#keys.edges(), edge)),
    ]);
  }

  async live(): Promise<EdgeDetails[]> {
    const edges = await asked(this.#redis.zrange(this.#keys.edges(), '0', '-1'));
    const details = await Promise.all(edges.map((edge) => this.#details(edge)));
    return details.filter((edge) => edge !== null);
  }

  async alive(edges: readonly string[]): Promise<Set<string>> {
    const wanted = [...new Set(edges)];
    const found = await Promise.all(wanted.map((edge) => asked(this.#redis.exists(this.#keys.edge(edge)))));
    return new Set(wanted.filter((_, index) => found[index] === 1));
  }

  /** Removes from the list what has no lease any more. An edge that comes back lists itself again. */
  async sweep(): Promise<void> {
    const due = Date.now() - FORGET_EDGE_MS;
    const old = await asked(this.#redis.zrangebyscore(this.#keys.edges(), '-inf', due));
    const alive = await this.alive(old);
    const dead = old.filter((edge) => !alive.has(edge));
    if (dead.length > 0) await asked(this.#redis.zrem(this.#keys.edges(), ...dead));
  }

  async #details(edge: string): Promise<EdgeDetails | null> {
    const values = await asked(this.#redis.hmget(this.#keys.edge(edge), ...DETAILS, 'host', ...LOAD));
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
}

/** @param values in the order of `LOAD` */
function loadOf(host: string, values: readonly (string | null)[]): EdgeLoad {
  const numbers = LOAD.map((name, index) => [name, Number(values[index])] as const);
  return { host, ...(Object.fromEntries(numbers) as Record<(typeof LOAD)[number], number>) };
}
