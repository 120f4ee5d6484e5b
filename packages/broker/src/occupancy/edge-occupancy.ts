import { isChannelTopic } from '@holdfast/protocol/pusher-channels';
import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';
import type { EdgeOccupancy } from '../broker.ts';
import type { EdgeNotes } from '../edges/notes.ts';
import type { EventWriter } from '../events/writer.ts';
import type { Keys } from '../keys.ts';
import { isUserTopic } from '../users/user-topic.ts';
import type { OccupancyChanges } from './changes.ts';

/** What edges write of the topics that they have connections on. */
export function edgeOccupancy(
  redis: Commands,
  keys: Keys,
  changes: OccupancyChanges,
  notes: EdgeNotes,
  events: EventWriter,
): EdgeOccupancy {
  function isOccupancyWanted(topic?: string): boolean {
    if (topic !== undefined && isChannelTopic(topic)) return true;
    if (events.isEmpty() || (topic !== undefined && isUserTopic(topic))) return false;
    return events.isWanted('topic.occupied', topic) || events.isWanted('topic.vacated', topic);
  }

  async function changeOccupancy(
    edge: string,
    occupied: readonly string[],
    left: readonly string[],
  ): Promise<Set<string>> {
    await notes.note(edge, occupied);
    const written = new Set<string>();
    await Promise.allSettled([
      ...occupied.map((topic) => changes.occupy(topic, edge).then(() => written.add(topic))),
      ...left.map((topic) => changes.leave(topic, edge).then(() => written.add(topic))),
    ]);
    await notes.forget(
      edge,
      left.filter((topic) => written.has(topic)),
    );
    return written;
  }

  async function checkOccupancy(edge: string, topics: readonly string[]): Promise<string[]> {
    const [found] = await Promise.all([
      Promise.all(topics.map((topic) => asked(redis.hget(keys.topicEdges(topic), `e${edge}`)))),
      notes.note(edge, topics),
    ]);
    return topics.filter((_, index) => found[index] === null);
  }

  return { isOccupancyWanted, changeOccupancy, checkOccupancy };
}
