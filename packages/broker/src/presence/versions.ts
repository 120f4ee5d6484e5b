import type { Commands } from '@holdfast/redis/commands';
import { run } from '@holdfast/redis/script';
import type { Keys } from '../keys.ts';
import { listOf } from '../lua/replies.ts';
import { loadScript } from '../lua/scripts.ts';
import type { PresenceVersion } from './state.ts';

const checkPresenceScript = loadScript('check-presence');

/** Topics in one call, as many as are read together elsewhere. */
const MAX_BATCH = 100;

/** What Redis has of the presence of many topics. */
export type PresenceVersions = ReturnType<typeof presenceVersions>;

export function presenceVersions(redis: Commands, keys: Keys) {
  /** In the order given, with the sequences of an edge ('' for none); null for a topic without presence. */
  async function readVersions(
    topics: readonly string[],
    edge: string,
  ): Promise<((PresenceVersion & { isExpired: boolean }) | null)[]> {
    const most = redis.isCluster ? 1 : MAX_BATCH;
    const batches: string[][] = [];
    for (let from = 0; from < topics.length; from += most) batches.push(topics.slice(from, from + most));
    return (await Promise.all(batches.map((batch) => readBatch(batch, edge)))).flat();
  }

  async function readBatch(topics: readonly string[], edge: string) {
    const touched = topics.flatMap((topic) => [keys.topic(topic), keys.topicHere(topic), keys.topicHereNext(topic)]);
    const answer = await run(redis, checkPresenceScript, touched, [edge]);
    return listOf('check-presence', answer, topics.length).map((found) => {
      if (!Array.isArray(found)) return null;
      const [version, sequence, count, pending, expired] = found as number[];
      return {
        version: version ?? 0,
        sequence: sequence ?? 0,
        count: count ?? 0,
        pending: pending === 1,
        isExpired: expired === 1,
      };
    });
  }

  return { readVersions };
}
