import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';
import type { DeadEdge, DeadEdges } from '../broker.ts';
import type { EventWriter } from '../events/writer.ts';
import type { Keys } from '../keys.ts';
import { goneOf } from './gone.ts';

/** A process that does not renew its search within this time has died: another one begins it again. */
const SEARCH_MS = 10_000;
/** Longer than an edge whose lease ran out stays on the list. */
const DONE_MS = 120_000;

/** Searches for the clients of edges that died, for events of their connections: one process for each edge and its death. */
export function deadEdgeStore(
  redis: Commands,
  keys: Keys,
  events: EventWriter,
  alive: (edges: readonly string[]) => Promise<Set<string>>,
): DeadEdges {
  async function beginSearches(): Promise<DeadEdge[]> {
    if (!events.isWanted('client.disconnected')) return [];
    const flat = await asked(redis.zrange(keys.edges(), '0', '-1', 'WITHSCORES'));
    const renewed = new Map<string, string>();
    for (let at = 0; at + 1 < flat.length; at += 2) renewed.set(flat[at] ?? '', flat[at + 1] ?? '');
    const begun: DeadEdge[] = [];
    for (const id of await goneOf([...renewed.keys()], alive, [])) {
      const edge = { id, renewedAt: renewed.get(id) ?? '' };
      if (await begin(edge)) begun.push(edge);
    }
    return begun;
  }

  /** False when it was begun or done, by this process or another. */
  async function begin({ id, renewedAt }: DeadEdge): Promise<boolean> {
    const key = keys.edgeSearch(id);
    if ((await asked(redis.get(key))) === renewedAt) return false;
    return (await asked(redis.set(key, renewedAt, 'PX', SEARCH_MS, 'GET'))) !== renewedAt;
  }

  async function renewSearches(edges: readonly DeadEdge[]): Promise<void> {
    await Promise.all(edges.map(({ id }) => asked(redis.pexpire(keys.edgeSearch(id), SEARCH_MS))));
  }

  async function endSearches(edges: readonly DeadEdge[]): Promise<void> {
    await Promise.all(edges.map(({ id }) => asked(redis.pexpire(keys.edgeSearch(id), DONE_MS))));
  }

  return { beginSearches, renewSearches, endSearches };
}
