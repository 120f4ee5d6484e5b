import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';
import { setTimeout as delay } from 'node:timers/promises';
import type { Keys } from '../keys.ts';
import type { TopicState } from '../topics/state.ts';
import type { PresenceChanges } from './changes.ts';
import type { PresenceNotes } from './notes.ts';
import type { PresenceOutcome } from './state.ts';

/** In place of an edge's sequence while its members are taken out: an edge that is back after all finds that it is not its own. */
const REAPED = -1;
/** Topics at a time. */
const MAX_TOPICS = 50;
/** Versions that a round waits for: two seconds. What is left then is for the next round. */
const MAX_LATE = 8;

/** Takes out the members of edges that are gone. Several processes may do so at once. */
export function presenceReaper(
  redis: Commands,
  keys: Keys,
  changes: PresenceChanges,
  notes: PresenceNotes,
  alive: (edges: readonly string[]) => Promise<Set<string>>,
) {
  /** Topics whose changes could not be published at once. */
  const unpublished = new Set<string>();
  /** In how many ms all of them can be. */
  let lateMs = 0;

  async function reapPresence(): Promise<number> {
    const failures: unknown[] = [];
    const edges = await notes.edgesWithPresence();
    let taken = 0;
    for (const edge of await deadOf(edges, failures)) {
      try {
        taken += await reapEdge(edge, failures);
      } catch (error) {
        failures.push(error);
      }
    }
    for (let late = 0; late < MAX_LATE && unpublished.size > 0; late += 1) await publishLate(failures);
    if (failures.length > 0) throw failures[0];
    return taken;
  }

  /** One whose lease cannot be read, because its node is away, counts as alive. */
  async function deadOf(edges: readonly string[], failures: unknown[]): Promise<string[]> {
    const found = await Promise.allSettled(edges.map((edge) => alive([edge])));
    for (const result of found) if (result.status === 'rejected') failures.push(result.reason);
    return edges.filter((edge, index) => {
      const result = found[index];
      return result?.status === 'fulfilled' && !result.value.has(edge);
    });
  }

  async function publishLate(failures: unknown[]): Promise<void> {
    const topics = [...unpublished];
    await delay(lateMs);
    unpublished.clear();
    lateMs = 0;
    await forEach(topics, (topic) => flush(topic), failures);
  }

  async function flush(topic: string): Promise<void> {
    noteLate(topic, await changes.flush(topic, true));
  }

  function noteLate(topic: string, outcome: PresenceOutcome): void {
    if (outcome.kind !== 'changed' || outcome.waitMs === null) return;
    unpublished.add(topic);
    lateMs = Math.max(lateMs, outcome.waitMs);
  }

  async function reapEdge(edge: string, failures: unknown[]): Promise<number> {
    const leftForMs = await notes.leftFor(edge);
    let taken = 0;
    let cursor = '0';
    do {
      const [next, topics] = await notes.notedTopics(edge, cursor);
      const done: string[] = [];
      const reap = async (topic: string) => {
        const count = await reapTopic(topic, edge, leftForMs);
        if (count === null) return;
        taken += count;
        done.push(topic);
      };
      await forEach([...new Set(topics)], reap, failures);
      await notes.forgetPresence(edge, done);
      cursor = next;
    } while (cursor !== '0');
    await notes.forgetEdge(edge);
    return taken;
  }

  /** How many members were taken out; null when the edge keeps them: its grace is not over, or it is back. */
  async function reapTopic(topic: string, edge: string, leftForMs: number): Promise<number | null> {
    if (leftForMs < (await graceOf(topic, leftForMs))) return null;
    const stored = await asked(redis.hget(keys.topicHere(topic), `e${edge}`));
    if (stored === null) {
      // What is left of data that was lost.
      await asked(redis.del(keys.topicHereOf(topic, edge)));
      return 0;
    }
    const change = { edge, sequence: REAPED, joined: [], left: [], isUrgent: true };
    await changes.writeAll(topic, { ...change, expected: 'any', isPart: true });
    const left = [...(await changes.membersOf(topic, edge)).keys()];
    const outcome = await changes.writeAll(topic, { ...change, expected: 'begun', left });
    if (outcome.kind === 'out-of-sequence') return null;
    noteLate(topic, outcome);
    return left.length;
  }

  /** In ms; 0 for an edge that died. */
  async function graceOf(topic: string, leftForMs: number): Promise<number> {
    if (leftForMs === Infinity) return 0;
    const settings = await asked(redis.hget(keys.topic(topic), 'presence'));
    return settings === null ? 0 : ((JSON.parse(settings) as TopicState['presence'])?.graceSeconds ?? 0) * 1000;
  }

  return { reapPresence };
}

/** A few at a time. Of those that fail, because their node is away, others do not fail. */
async function forEach(topics: readonly string[], act: (topic: string) => Promise<void>, failures: unknown[]) {
  for (let from = 0; from < topics.length; from += MAX_TOPICS) {
    const results = await Promise.allSettled(topics.slice(from, from + MAX_TOPICS).map((topic) => act(topic)));
    for (const result of results) if (result.status === 'rejected') failures.push(result.reason);
  }
}
