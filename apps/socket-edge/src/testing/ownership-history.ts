import { vi } from 'vitest';
import type { Claim } from '../connection/claim.ts';
import type { Connection } from '../connection/connection.ts';
import { memoryEdge } from './memory-edge.ts';
import { MemoryRedis } from './memory-redis.ts';
import { RecordingTransport } from './recording-transport.ts';

/** In so long every connection is compared, and claims that failed are looked for. */
const WALK_MS = 25_000;
/** Edges find out what they were not notified of one after the other: the last one by what an earlier one has changed. */
const ROUNDS = 3;

export const CLIENTS = ['c0', 'c1'];
export const TOPICS = ['t0', 't1', 't2'];

/** What happens to edges, to their connections, and to Redis. An index names one of those that there are by then. */
export type Act =
  | { do: 'claim' | 'connect'; client: string; index: number }
  | { do: 'open' | 'abandon' | 'close' | 'cut' | 'beat' | 'compare' | 'mark-gone'; index: number }
  | { do: 'hold' | 'deliver'; call: 'claim' | 'release' | 'all' }
  | { do: 'lose-wake-ups' | 'lose-answers' | 'refuse-releases' | 'delay' | 'arrive' | 'away' | 'work' }
  | { do: 'snapshot' | 'restore' }
  | { do: 'disconnect'; client: string }
  | { do: 'subscribe' | 'unsubscribe'; client: string; topic: string }
  | { do: 'publish'; topic: string };

/** A handshake, and what became of it. */
export interface Handshake {
  clientId: string;
  at: number;
  claim: Claim | null;
  made: { socket: RecordingTransport; connection: Connection } | null;
  /** Its claim failed, or it was abandoned. */
  isOver: boolean;
  /** Its socket is gone. */
  isGone: boolean;
  /** It was open when its client ended it, or its socket was cut. */
  endedItself: boolean;
}

/** Some edges on one Redis, and all handshakes there were. */
export class OwnershipHistory {
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
      case 'connect':
        return this.#claim(one.client, one.index, true);
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
      case 'mark-gone':
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
      case 'refuse-releases':
        return void redis.failing.add('release');
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

  /** What was begun ends. */
  async end(): Promise<void> {
    for (const deliver of this.#held.splice(0)) deliver();
    this.#work();
    await this.#settled();
    for (const handshake of this.handshakes) this.#stop(handshake);
    await this.#settled();
    this.#leaveClosed();
    await this.#settled();
  }

  /** Everything works again for as long as it takes each edge to compare all. */
  async heal(): Promise<void> {
    // A beat during which clients are read again and again would never end.
    for (const edge of this.edges) void edge.beat();
    await this.#settled();
    for (const arrive of this.#late.splice(0)) arrive();
    for (let round = 0; round < ROUNDS; round += 1) {
      vi.advanceTimersByTime(WALK_MS);
      for (const edge of this.edges) {
        void edge.beat();
        await edge.settled();
      }
      this.#leaveClosed();
      await this.#settled();
    }
  }

  /** How many calls edges make though nothing happens any more. */
  async callsAtRest(): Promise<number> {
    const { length } = this.redis.calls;
    await this.#settled();
    return this.redis.calls.length - length;
  }

  #leaveClosed(): void {
    for (const handshake of this.handshakes) if (handshake.made?.socket.closed) this.#leave(handshake, true);
  }

  async #settled(): Promise<void> {
    for (const edge of this.edges) await edge.settled();
  }

  #work(): void {
    this.redis.notifiesNobody = false;
    this.redis.away = false;
    this.redis.answersLost.clear();
    this.redis.failing.clear();
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

  /** @param opens as soon as the claim is answered */
  #claim(clientId: string, at: number, opens = false): void {
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
    void this.#await(made, this.#edge(at).hub.claim(clientId), opens);
  }

  async #await(handshake: Handshake, claiming: Promise<Claim | null>, opens: boolean): Promise<void> {
    try {
      handshake.claim = await claiming;
      if (opens) begin(handshake);
    } catch {
      handshake.isOver = true;
    }
  }

  #open(number: number): void {
    const handshake = pick(this.handshakes, isClaimed, number);
    if (handshake) begin(handshake);
  }

  #abandon(number: number): void {
    const handshake = pick(this.handshakes, isClaimed, number);
    if (handshake) this.#stop(handshake);
  }

  #stop(handshake: Handshake): void {
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

function begin(handshake: Handshake): void {
  if (handshake.claim === null) return;
  const socket = new RecordingTransport();
  handshake.made = { socket, connection: handshake.claim.open(socket, false) };
}

function isClaimed({ claim, made, isOver }: Handshake): boolean {
  return claim !== null && made === null && !isOver;
}

function pick<T>(all: readonly T[], is: (one: T) => boolean, number: number): T | undefined {
  const some = all.filter(is);
  return some[number % some.length];
}
