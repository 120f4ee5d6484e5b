import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';
import { setTimeout as delay } from 'node:timers/promises';
import { forEachTopic, goneOf } from '../edges/gone.ts';
import type { Keys } from '../keys.ts';
import type { TopicState } from '../topics/state.ts';
import type { PresenceChanges } from './changes.ts';
import type { PresenceNotes } from './notes.ts';
import type { PresenceOutcome } from './state.ts';

/** In place of an edge's sequence while its members are taken out: an edge that is back after all finds that it is not its own. */
const REAPED = -1;
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
    for (const edge of await goneOf(edges, alive, failures)) {
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

  async function publishLate(failures: unknown[]): Promise<void> {
    const topics = [...unpublished];
    await delay(lateMs);
    unpublished.clear();
    lateMs = 0;
    await forEachTopic(topics, (topic) => flush(topic), failures);
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
      await forEachTopic([...new Set(topics)], reap, failures);
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
