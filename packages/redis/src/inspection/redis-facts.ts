import type { RedisLink } from '../commands.ts';
import type { RedisTarget } from '../config.ts';
import { type SentinelFacts, sentinelFacts } from './sentinel-facts.ts';
import { type ServerFacts, serverFacts } from './server-facts.ts';

/** What Redis says of itself, all of its servers that hold data. */
export interface RedisFacts {
  readonly kind: RedisTarget['kind'];
  /** Why not every command can be answered now; null when it can. */
  readonly fault: string | null;
  readonly servers: readonly ServerFacts[];
  /** Empty without Sentinels. */
  readonly sentinels: readonly SentinelFacts[];
}

/** Asks every server, and every Sentinel. Never rejects: what is not answered says why. */
export async function redisFacts(link: RedisLink, target: RedisTarget): Promise<RedisFacts> {
  const ready = link.servers().filter(({ status }) => status === 'ready');
  const [servers, sentinels] = await Promise.all([
    Promise.all(ready.map((server) => serverFacts(server, target.kind === 'cluster'))),
    target.kind === 'sentinel' ? sentinelFacts(target) : [],
  ]);
  return { kind: target.kind, fault: link.fault(), servers, sentinels };
}
