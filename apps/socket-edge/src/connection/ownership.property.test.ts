import { closeCodes } from '@holdfast/protocol/close-codes';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { memoryEdge } from '../testing/memory-edge.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { RecordingTransport } from '../testing/recording-transport.ts';
import { turns } from '../testing/turns.ts';
import type { Claim } from './claim.ts';
import type { Connection } from './connection.ts';

const RUNS = Number(process.env.OWN_RUNS ?? 300);
const CLIENTS = ['c0', 'c1'];
const TOPICS = ['t0', 't1', 't2'];
/** In so long every connection is compared, and claims that failed are looked for. */
const WALK_MS = 25_000;
/** Edges find out what they were not notified of one after the other: the last one by what an earlier one has changed. */
const ROUNDS = 3;

/** A handshake, and what became of it. */
interface Handshake {
  clientId: string;
  at: number;
  claim: Claim | null;
  made: { socket: RecordingTransport; connection: Connection } | null;
  /** Its claim failed, or it was given up. */
  isOver: boolean;
  /** Its socket is gone. */
  isGone: boolean;
  /** It was open when its client ended it, or its socket was cut. */
  endedItself: boolean;
}

const index = fc.nat({ max: 11 });
const client = fc.oneof({ weight: 4, arbitrary: fc.constant('c0') }, { weight: 1, arbitrary: fc.constant('c1') });
const topic = fc.constantFrom(...TOPICS);
const call = fc.constantFrom('claim' as const, 'release', 'all');
const act = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('claim' as const), client, index }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('open' as const), index }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('abandon' as const, 'close', 'cut'), index }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('beat' as const, 'compare', 'markGone'), index }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('hold' as const, 'deliver'), call }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('arrive' as const, 'lose-wake-ups' as const, 'lose-answers', 'delay', 'away', 'work', 'snapshot', 'restore'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('disconnect' as const), client }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('subscribe' as const, 'unsubscribe'), client, topic }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('publish' as const), topic }) },
);
type Act = (typeof act extends fc.Arbitrary<infer T> ? T : never) & object;
/** Each with how many turns of the event loop follow it: an answer takes one. */
const steps = fc.array(fc.record({ act, turns: fc.nat({ max: 4 }) }), { minLength: 4, maxLength: 50 });

/** Some edges on one Redis, and all handshakes there were. */
class World {
  readonly redis = new MemoryRedis();
  readonly edges: ReturnType<typeof memoryEdge>[];
  /** In the order in which they were claimed. */
  readonly handshakes: Handshake[] = [];
  readonly #held: (() => void)[] = [];
  #arrivals: (() => () => void)[] = [];
  /** What reaches Redis later. */
  readonly #late: (() => void)[] = [];
  #restore = (): void => undefined;
  /** Redis has lost writes. */
  hasLost = false;

  constructor(edges: number) {
    for (const clientId of CLIENTS) this.redis.register(clientId, TOPICS.slice(0, 1));
    for (const name of TOPICS) this.redis.topic(name);
    this.edges = Array.from({ length: edges }, (_, number) => memoryEdge(this.redis, `edge-${number}`));
  }

  perform(one: Act): void {
    const { redis } = this;
    switch (one.do) {
      case 'claim':
        return this.#claim(one.client, one.index);
      case 'open':
        return this.#open(one.index);
      case 'abandon':
        return this.#abandon(one.index);
      case 'close':
      case 'cut':
        return this.#end(one.index, one.do === 'close');
      case 'beat':
        return void this.#edge(one.index).beat();
      case 'compare':
        return this.#edge(one.index).compareEverything();
      case 'markGone':
        return this.#markGone(this.#edge(one.index).id);
      case 'hold':
        return void this.#held.push(redis.hold(one.call));
      case 'deliver':
        return this.#held.shift()?.();
      case 'lose-wake-ups':
        redis.notifiesNobody = true;
        return;
      case 'lose-answers':
        for (const name of ['claim', 'release'] as const) redis.answersLost.add(name);
        return;
      case 'delay':
        return this.#delay();
      case 'arrive':
        return this.#late.shift()?.();
      case 'away':
        redis.away = true;
        return;
      case 'work':
        return this.#work();
      case 'snapshot':
        this.#restore = redis.snapshot();
        return;
      case 'restore':
        this.hasLost = true;
        this.#restore();
        // Its connections were cut by that.
        for (const edge of this.edges) edge.compareEverything();
        return;
      case 'disconnect':
        return redis.disconnect(one.client);
      case 'subscribe':
        if (redis.client(one.client).topics.has(one.topic)) return;
        return redis.subscribe(one.client, one.topic);
      case 'unsubscribe':
        return redis.unsubscribe(one.client, one.topic);
      case 'publish':
        return void redis.publish(one.topic, '1');
    }
  }

  /** Everything works again, what was begun ends, and every edge compares all. */
  async heal(): Promise<void> {
    for (const deliver of this.#held.splice(0)) deliver();
    this.#work();
    await this.#settle();
    for (const handshake of this.handshakes) this.#giveUp(handshake);
    for (const edge of this.edges) await edge.beat();
    for (const arrive of this.#late.splice(0)) arrive();
    for (let round = 0; round < ROUNDS; round += 1) {
      vi.advanceTimersByTime(WALK_MS);
      for (const edge of this.edges) {
        await edge.beat();
        await edge.settled();
      }
      for (const handshake of this.handshakes) if (handshake.made?.socket.closed) this.#leave(handshake, true);
      await this.#settle();
    }
  }

  async #settle(): Promise<void> {
    for (const edge of this.edges) await edge.settled();
  }

  #work(): void {
    this.redis.notifiesNobody = false;
    this.redis.away = false;
    this.redis.answersLost.clear();
    this.#arrive();
  }

  /** Claims and releases fail from now on; those of until `#arrive` take place later. */
  #delay(): void {
    this.#arrive();
    this.#arrivals = (['claim', 'release'] as const).map((name) => this.redis.delay(name));
  }

  #arrive(): void {
    this.#late.push(...this.#arrivals.splice(0).map((stop) => stop()));
  }

  #markGone(edge: string): void {
    for (const clientId of CLIENTS) {
      if (this.redis.client(clientId).owner?.edge === edge) this.redis.markGone(clientId);
    }
  }

  #edge(number: number) {
    return this.edges[number % this.edges.length] as ReturnType<typeof memoryEdge>;
  }

  #claim(clientId: string, at: number): void {
    const made: Handshake = {
      clientId,
      at,
      claim: null,
      made: null,
      isOver: false,
      isGone: false,
      endedItself: false,
    };
    this.handshakes.push(made);
    this.#edge(at)
      .hub.claim(clientId)
      .then(
        (claim) => {
          made.claim = claim;
        },
        () => {
          made.isOver = true;
        },
      );
  }

  #open(number: number): void {
    const handshake = pick(this.handshakes, isClaimed, number);
    if (!handshake?.claim) return;
    const socket = new RecordingTransport();
    handshake.made = { socket, connection: handshake.claim.open(socket, false) };
  }

  #abandon(number: number): void {
    const handshake = pick(this.handshakes, isClaimed, number);
    if (handshake) this.#giveUp(handshake);
  }

  #giveUp(handshake: Handshake): void {
    if (!isClaimed(handshake)) return;
    handshake.isOver = true;
    handshake.claim?.abandon();
  }

  #end(number: number, closed: boolean): void {
    const handshake = pick(this.handshakes, ({ made, isGone }) => made !== null && !isGone, number);
    if (handshake) this.#leave(handshake, closed);
  }

  #leave(handshake: Handshake, closed: boolean): void {
    if (handshake.made === null || handshake.isGone) return;
    handshake.isGone = true;
    handshake.endedItself = handshake.made.socket.closed === null;
    this.#edge(handshake.at).hub.onClosed(handshake.made.connection, closed);
  }
}

function isClaimed({ claim, made, isOver }: Handshake): boolean {
  return claim !== null && made === null && !isOver;
}

function pick<T>(all: readonly T[], is: (one: T) => boolean, number: number): T | undefined {
  const some = all.filter(is);
  return some[number % some.length];
}

const isOpen = ({ made, endedItself }: Handshake): boolean => made !== null && made.socket.closed === null && !endedItself;
const codeOf = ({ made }: Handshake): number | undefined => made?.socket.closed?.code;

/**
 * Whether a newer connection of the client has come; or, on a Redis that has lost who owns the client, a newer handshake,
 * which got it at once and may have failed.
 */
function isReplaceable({ handshakes, hasLost }: World, handshake: Handshake): boolean {
  const newer = handshakes.slice(handshakes.indexOf(handshake) + 1);
  return newer.some(
    ({ clientId, made, claim }) =>
      clientId === handshake.clientId && (made !== null || (hasLost && claim?.isOwner !== false)),
  );
}

function checkReplaced(world: World): void {
  for (const handshake of world.handshakes) {
    if (codeOf(handshake) !== closeCodes.replaced.code) continue;
    expect(isReplaceable(world, handshake), `${handshake.claim?.generation} was replaced by no newer one`).toBe(true);
  }
}

async function checkClient(world: World, clientId: string): Promise<void> {
  const { redis, edges, handshakes } = world;
  const opened = handshakes.filter((handshake) => handshake.clientId === clientId && handshake.made !== null);
  const open = opened.filter(isOpen);
  expect(open.length).toBeLessThanOrEqual(1);
  const newest = opened.at(-1);
  if (newest && !isOpen(newest) && !newest.endedItself && !isReplaceable(world, newest)) {
    expect(codeOf(newest)).toBe(closeCodes.disconnected.code);
  }
  for (const code of opened.map(codeOf)) {
    expect([undefined, closeCodes.replaced.code, closeCodes.disconnected.code]).toContain(code);
  }

  const { owner, goneOwner, disconnectUpTo, topics } = redis.client(clientId);
  const [only] = open;
  if (!only?.made) {
    expect([owner, goneOwner]).toEqual([null, undefined]);
    return;
  }
  const { connection, socket } = only.made;
  expect(owner).toEqual({ edge: edges[only.at % edges.length]?.id, generation: connection.generation });
  expect(disconnectUpTo).toBeLessThan(connection.generation);
  for (const name of TOPICS) {
    const id = redis.publish(name, '2');
    await edges[only.at % edges.length]?.settled();
    expect(socket.idsOf(name).filter((one) => one === id)).toHaveLength(topics.has(name) ? 1 : 0);
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

it('whatever fails, the newest connection of a client is open, follows it, and owns it, and no other', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(2, 3), steps, async (edges, all) => {
      const world = new World(edges);
      for (const step of all) {
        world.perform(step.act);
        await turns(step.turns);
        checkReplaced(world);
      }
      await world.heal();
      checkReplaced(world);
      for (const clientId of CLIENTS) await checkClient(world, clientId);
    }),
    { numRuns: RUNS },
  );
});

it.skipIf(!process.env.OWN_CE)('debug', async () => {
  const [edges, all] = JSON.parse(process.env.OWN_CE ?? '') as [number, { act: Act; turns: number }[]];
  const world = new World(edges);
  const show = (what: string) =>
    console.log(
      what,
      JSON.stringify(CLIENTS.slice(0, 1).map((c) => { const { owner, goneOwner, lastGeneration, notify } = world.redis.client(c); return { owner, goneOwner, lastGeneration, notify }; })),
      JSON.stringify(world.handshakes.map((h) => [h.clientId, h.at % edges, h.claim?.generation, h.claim?.isOwner, h.made?.connection.generation, h.made?.socket.closed?.code, h.isGone])),
    );
  for (const step of all) {
    world.perform(step.act);
    await turns(step.turns);
    show(JSON.stringify(step));
  }
  await world.heal();
  show('healed');
});
