import type { Commands } from '@holdfast/redis/commands';
import { asked, run } from '@holdfast/redis/script';
import { forEachTopic, goneOf } from '../edges/gone.ts';
import type { EdgeNotes } from '../edges/notes.ts';
import type { EventWriter } from '../events/writer.ts';
import type { Keys } from '../keys.ts';
import { loadScript } from '../lua/scripts.ts';
import type { OccupancyChanges } from './changes.ts';

const removeDueScript = loadScript('remove-due');

/** Topics that one round looks at. */
const MAX_DUE = 1000;

export interface OccupancyReaperDeps {
  changes: OccupancyChanges;
  notes: EdgeNotes;
  events: EventWriter;
  alive: (edges: readonly string[]) => Promise<Set<string>>;
  /** Has the subscribers counted of topics that an edge was taken out of. */
  recounted: (edge: string) => Promise<(topic: string) => Promise<void>>;
}

/** Vacates topics whose time has come, and takes out edges that are gone. Several processes may do so at once. */
export function occupancyReaper(redis: Commands, keys: Keys, deps: OccupancyReaperDeps) {
  const { changes, notes, events, alive, recounted } = deps;

  async function vacateTopics(): Promise<void> {
    const edges = await notes.edges();
    // Edges write of channels whatever is wanted.
    if (edges.length === 0 && !events.isWanted('topic.occupied') && !events.isWanted('topic.vacated')) return;
    const failures: unknown[] = [];
    for (const edge of await goneOf(edges, alive, failures)) {
      await reapEdge(edge, failures).catch((error: unknown) => failures.push(error));
    }
    await lookAtDue(failures);
    if (failures.length > 0) throw failures[0];
  }

  async function reapEdge(edge: string, failures: unknown[]): Promise<void> {
    const recount = await recounted(edge);
    let cursor = '0';
    do {
      const [next, topics] = await notes.topicsOf(edge, cursor);
      const done: string[] = [];
      const take = async (topic: string) => {
        await changes.leave(topic, edge);
        await recount(topic);
        done.push(topic);
      };
      await forEachTopic([...new Set(topics)], take, failures);
      await notes.forget(edge, done);
      cursor = next;
    } while (cursor !== '0');
    await notes.forgetEdge(edge);
  }

  async function lookAtDue(failures: unknown[]): Promise<void> {
    const index = keys.topicsVacating();
    const flat = await asked(redis.zrangebyscore(index, '-inf', Date.now(), 'WITHSCORES', 'LIMIT', 0, MAX_DUE));
    const due = new Map<string, string>();
    for (let at = 0; at + 1 < flat.length; at += 2) due.set(flat[at] ?? '', flat[at + 1] ?? '');
    const lookAt = async (topic: string) => {
      const inMs = await changes.look(topic);
      if (inMs === null) await run(redis, removeDueScript, [index], [topic, due.get(topic) ?? '']);
      else await changes.lookAgain(topic, inMs);
    };
    await forEachTopic([...due.keys()], lookAt, failures);
  }

  return { vacateTopics };
}
