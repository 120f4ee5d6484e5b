import { MAX_GRACE_SECONDS } from '@holdfast/protocol/limits';
import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';
import type { Keys } from '../keys.ts';

const MAX_BATCH = 500;
const MAX_GRACE_MS = MAX_GRACE_SECONDS * 1000;

/** Which edges have members in which topics, for whoever takes them out when the edge is gone. */
export type PresenceNotes = ReturnType<typeof presenceNotes>;

export function presenceNotes(redis: Commands, keys: Keys) {
  async function notePresence(edge: string, topics: readonly string[]): Promise<void> {
    if (topics.length === 0) return;
    for (let from = 0; from < topics.length; from += MAX_BATCH) {
      await asked(redis.sadd(keys.edgeHere(edge), ...topics.slice(from, from + MAX_BATCH)));
    }
    // After its topics: `forgetEdge` takes an edge off the list that has none, and then looks once more.
    await asked(redis.sadd(keys.edgesHere(), edge));
  }

  async function forgetPresence(edge: string, topics: readonly string[]): Promise<void> {
    for (let from = 0; from < topics.length; from += MAX_BATCH) {
      await asked(redis.srem(keys.edgeHere(edge), ...topics.slice(from, from + MAX_BATCH)));
    }
  }

  /** The note expires by the clock of Redis: how long ago it was left is the same for all. */
  async function leavePresence(edge: string): Promise<void> {
    await asked(redis.set(keys.edgeLeft(edge), '', 'PX', MAX_GRACE_MS));
  }

  /**
   * How long ago an edge left, in ms; Infinity when it left no note, longer ago than any grace, or later than now: then the
   * clock of Redis was set back.
   */
  async function leftFor(edge: string): Promise<number> {
    const remaining = await asked(redis.pttl(keys.edgeLeft(edge)));
    return remaining < 0 || remaining > MAX_GRACE_MS ? Infinity : MAX_GRACE_MS - remaining;
  }

  function edgesWithPresence(): Promise<string[]> {
    return asked(redis.smembers(keys.edgesHere()));
  }

  /** Some of the topics that are noted for an edge; one may come twice. `cursor` '0' begins, and ends. */
  function notedTopics(edge: string, cursor: string): Promise<[cursor: string, topics: string[]]> {
    return asked(redis.sscan(keys.edgeHere(edge), cursor, 'COUNT', MAX_BATCH));
  }

  /** Takes an edge off the list, unless topics are noted for it. */
  async function forgetEdge(edge: string): Promise<void> {
    const hasTopics = async () => (await asked(redis.exists(keys.edgeHere(edge)))) === 1;
    if (await hasTopics()) return;
    await asked(redis.srem(keys.edgesHere(), edge));
    if (await hasTopics()) await asked(redis.sadd(keys.edgesHere(), edge));
  }

  return { notePresence, forgetPresence, leavePresence, leftFor, edgesWithPresence, notedTopics, forgetEdge };
}
