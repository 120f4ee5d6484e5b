import type { Commands } from '@holdfast/redis/commands';
import { asked, run } from '@holdfast/redis/script';
import type { EventWriter } from '../events/writer.ts';
import type { Keys } from '../keys.ts';
import { numberOf } from '../lua/replies.ts';
import { loadScript } from '../lua/scripts.ts';

const changeOccupancyScript = loadScript('change-occupancy');

/** A topic that is empty for so long is vacated: a connection that comes back within it has not been away. */
const VACATED_AFTER_MS = 5000;

/** The one way in which it is written which edges have connections on a topic. */
export type OccupancyChanges = ReturnType<typeof occupancyChanges>;

export function occupancyChanges(redis: Commands, keys: Keys, events: EventWriter) {
  async function occupy(topic: string, edge: string): Promise<void> {
    await change(topic, edge, 1);
  }

  /** Takes an edge out of a topic that it has no connections on any more. */
  async function leave(topic: string, edge: string): Promise<void> {
    // Listed first: a process that dies in between leaves a topic to be looked at for nothing.
    if (streamOf(topic) !== null) await lookAgain(topic, VACATED_AFTER_MS);
    await change(topic, edge, '');
  }

  /** Vacates a topic if it is time. In how many ms it will be, null when there is nothing to wait for. */
  async function look(topic: string): Promise<number | null> {
    const inMs = await change(topic, '', '');
    return inMs < 0 ? null : inMs;
  }

  /** Has the topic looked at in so long. */
  async function lookAgain(topic: string, inMs: number): Promise<void> {
    // The fraction tells this time from every other: see remove-due.lua.
    await asked(redis.zadd(keys.topicsVacating(), Date.now() + inMs + Math.random(), topic));
  }

  async function change(topic: string, edge: string, hasConnections: 1 | ''): Promise<number> {
    const stream = streamOf(topic);
    const touched = [keys.topicEdges(topic), ...(stream === null ? [] : [stream.stream])];
    const args = [edge, hasConnections, VACATED_AFTER_MS, stream?.types ?? ''];
    const answer = numberOf('change-occupancy', await run(redis, changeOccupancyScript, touched, args));
    events.written(stream);
    return answer;
  }

  function streamOf(topic: string) {
    return events.ofTopic(topic, 'topic.occupied', 'topic.vacated');
  }

  return { occupy, leave, look, lookAgain };
}
