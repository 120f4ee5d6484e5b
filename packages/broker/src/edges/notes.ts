import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';

const MAX_BATCH = 500;

/** The keys of one kind of notes. */
interface NoteKeys {
  /** The set of the topics that are noted for an edge. */
  topicsOf: (edge: string) => string;
  /** The set of the edges for which topics are noted. */
  edges: () => string;
}

/** In which topics an edge has something, for whoever takes it out when the edge is gone. */
export type EdgeNotes = ReturnType<typeof edgeNotes>;

export function edgeNotes(redis: Commands, keys: NoteKeys) {
  async function note(edge: string, topics: readonly string[]): Promise<void> {
    if (topics.length === 0) return;
    for (let from = 0; from < topics.length; from += MAX_BATCH) {
      await asked(redis.sadd(keys.topicsOf(edge), ...topics.slice(from, from + MAX_BATCH)));
    }
    // After its topics: `forgetEdge` takes an edge off the list that has none, and then looks once more.
    await asked(redis.sadd(keys.edges(), edge));
  }

  async function forget(edge: string, topics: readonly string[]): Promise<void> {
    for (let from = 0; from < topics.length; from += MAX_BATCH) {
      await asked(redis.srem(keys.topicsOf(edge), ...topics.slice(from, from + MAX_BATCH)));
    }
  }

  function edges(): Promise<string[]> {
    return asked(redis.smembers(keys.edges()));
  }

  /** Some of the topics that are noted for an edge; one may come twice. `cursor` '0' begins, and ends. */
  function topicsOf(edge: string, cursor: string): Promise<[cursor: string, topics: string[]]> {
    return asked(redis.sscan(keys.topicsOf(edge), cursor, 'COUNT', MAX_BATCH));
  }

  /** Takes an edge off the list, unless topics are noted for it. */
  async function forgetEdge(edge: string): Promise<void> {
    const hasTopics = async () => (await asked(redis.exists(keys.topicsOf(edge)))) === 1;
    if (await hasTopics()) return;
    await asked(redis.srem(keys.edges(), edge));
    if (await hasTopics()) await asked(redis.sadd(keys.edges(), edge));
  }

  return { note, forget, edges, topicsOf, forgetEdge };
}
