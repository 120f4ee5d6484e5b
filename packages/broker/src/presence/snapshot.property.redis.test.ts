import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PresenceSnapshot, PresentMember } from './state.ts';
import { detailsOf, openBroker } from '../testing/brokers.ts';
import { type PresentEdge, type Published, member, presenceTopic } from '../testing/presence-topic.ts';

const its = await openBroker();
const { redis, keys, edge, control } = its;

const EDGES = 3;
const MEMBERS = ['ann', 'bob', 'cid', 'dot', 'eve', 'fay'];
const LIMIT = 5;

type Step =
  | { act: 'change'; edge: number; changes: { id: string; info: number | null }[] }
  | { act: 'flush' }
  | { act: 'wait' }
  | { act: 'set' | 'lose' | 'die'; edge: number };

const someEdge = fc.nat(EDGES - 1);
const changes = fc.uniqueArray(
  fc.record({ id: fc.constantFrom(...MEMBERS), info: fc.option(fc.nat(2), { freq: 2 }) }),
  { selector: ({ id }) => id, minLength: 1 },
);
const someStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ act: fc.constant('change' as const), edge: someEdge, changes }) },
  { weight: 4, arbitrary: fc.constantFrom<Step>({ act: 'flush' }, { act: 'wait' }) },
  {
    weight: 1,
    arbitrary: fc.record({ act: fc.constantFrom('set' as const, 'lose' as const, 'die' as const), edge: someEdge }),
  },
);

/** What an edge with watchers does: it applies versions one after the other, and reads a snapshot at any gap. */
class Replica {
  version = -1;
  count = 0;
  members: Map<string, string | null> | null = null;
  /** Snapshots that were read. */
  reads = 0;

  async follow(published: readonly Published[], read: () => Promise<PresenceSnapshot>): Promise<void> {
    for (const update of published) {
      if (update.version <= this.version) continue;
      const follows = update.version === this.version + 1;
      this.version = update.version;
      this.count = update.count;
      if (update.kind === 'count') this.members = null;
      else if (update.kind === 'reset' || !follows || this.members === null) this.take(await read());
      else {
        for (const id of update.left) if (!this.members.delete(id)) throw new Error(`${id} left and was not there`);
        for (const { id, info } of update.joined) {
          if (this.members.has(id)) throw new Error(`${id} joined and was there`);
          this.members.set(id, info);
        }
      }
    }
  }

  take({ version, count, members }: PresenceSnapshot): void {
    this.reads += 1;
    this.version = version;
    this.count = count;
    this.members = members && mapOf(members);
  }
}

function mapOf(members: readonly PresentMember[]): Map<string, string | null> {
  return new Map(members.map(({ id, info }) => [id, info]));
}

/** Of a member at several edges the info of the first of them. */
function truthOf(edges: readonly PresentEdge[]): Map<string, string | null> {
  return mapOf(edges.toReversed().flatMap(({ members }) => [...members.values()]));
}

type Room = Awaited<ReturnType<typeof presenceTopic>>;

async function act(step: Step, room: Room, edges: readonly PresentEdge[]): Promise<void> {
  if (step.act === 'flush') {
    await room.due();
    await edge.flushPresence(room.topic);
    return;
  }
  if (step.act === 'wait') return room.justPublished();
  const own = edges[step.edge];
  if (own === undefined) throw new Error('no such edge');
  if (step.act === 'set') await own.set();
  if (step.act === 'die') {
    own.members.clear();
    own.sequence = 0;
    for (const { id } of edges) await edge.renewLease(detailsOf(id));
    await edge.dropLease(own.id);
    await control.reapPresence();
    await edge.renewLease(detailsOf(own.id));
  }
  if (step.act === 'lose') {
    await redis.del(room.here, ...(await redis.keys(`${room.here}:*`)));
    for (const one of edges) await one.set();
  }
  if (step.act === 'change') {
    const joined = step.changes.filter(({ id }) => !own.members.has(id)).map(({ id, info }) => member(id, info));
    const left = step.changes.filter(({ id }) => own.members.has(id)).map(({ id }) => id);
    const { kind } = await own.change(joined, left);
    if (kind !== 'changed') throw new Error(`the change was ${kind}`);
  }
}

describe.each([
  ['with room for all', 1000],
  ['with a limit that is passed and left', LIMIT],
])('a topic %s', (_, limit) => {
  test('is the same in every replica, at every version, and in the end as the edges have it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(someStep, { minLength: 5, maxLength: 30 }), async (steps) => {
        const room = await presenceTopic(its, { limit });
        const edges = Array.from({ length: EDGES }, (__, index) => room.edge(`${index}${randomUUID()}`));
        for (const { id } of edges) await edge.renewLease(detailsOf(id));
        const replica = new Replica();
        replica.take(await room.snapshot());
        for (const one of steps) {
          await act(one, room, edges);
          await replica.follow(await room.news(), room.snapshot);
          const snapshot = await room.snapshot();
          // One that sets all of its members begins with another version.
          if (snapshot.version !== replica.version) replica.take(snapshot);
          expect(snapshot.members && mapOf(snapshot.members)).toEqual(replica.members);
          expect(snapshot.count).toBe(replica.count);
          expect(replica.members?.size ?? replica.count).toBe(replica.count);
        }
        for (let times = 0; times < 2; times += 1) await act({ act: 'flush' }, room, edges);
        await replica.follow(await room.news(), room.snapshot);
        const truth = truthOf(edges);
        expect(replica.count).toBe(truth.size);
        const mayShowCount = truth.size > limit * 0.9;
        expect(replica.members ?? (mayShowCount ? truth : null)).toEqual(truth);
        expect(await control.countPresent([room.topic])).toEqual([truth.size]);
        expect(await redis.exists(keys.topicHereNext(room.topic))).toBe(0);
      }),
      { numRuns: 40 },
    );
  }, 300_000);
});
