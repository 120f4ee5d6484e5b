import { MAX_GRACE_SECONDS } from '@holdfast/protocol/limits';
import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';
import { edgeNotes } from '../edges/notes.ts';
import type { Keys } from '../keys.ts';

const MAX_GRACE_MS = MAX_GRACE_SECONDS * 1000;

/** Which edges have members in which topics, for whoever takes them out when the edge is gone. */
export type PresenceNotes = ReturnType<typeof presenceNotes>;

export function presenceNotes(redis: Commands, keys: Keys) {
  const notes = edgeNotes(redis, { topicsOf: keys.edgeHere, edges: keys.edgesHere });

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

  return {
    notePresence: notes.note,
    forgetPresence: notes.forget,
    leavePresence,
    leftFor,
    edgesWithPresence: notes.edges,
    notedTopics: notes.topicsOf,
    forgetEdge: notes.forgetEdge,
  };
}
