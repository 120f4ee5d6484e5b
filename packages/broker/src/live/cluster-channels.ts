import type { Keys } from '../keys.ts';

import type { Redis } from 'ioredis';
import type { ClusterNodes } from '@holdfast/redis/cluster-nodes';
import { type Joining, LiveChannels, type LiveListener } from './live-channels.ts';
import { slotOf } from '@holdfast/redis/slot-of';

/** How often an ear is compared with what its connection knows, while slots move under it. */
const MEND_MS = 1_000;

/** Channels of one command must lie in one slot there, so each goes by itself; they are written together all the same. */
const ONE_BY_ONE: Joining = {
  join: async (redis, channels) => {
    const answers = await Promise.allSettled(channels.map((channel) => redis.ssubscribe(channel)));
    return channels.filter((_, index) => isRefusal(answers[index]));
  },
  leave: async (redis, channels) => {
    // A channel whose slot has gone was taken away by the server.
    const answers = await Promise.allSettled(channels.map((channel) => redis.sunsubscribe(channel)));
    answers.forEach(isRefusal);
  },
};

/** The ear at one master. */
interface NodeEar {
  readonly subscriber: Redis;
  readonly channels: LiveChannels;
  /** The name by which the edge speaks to itself through this node. */
  name: string;
  /** Channels may have been taken away since. */
  suspectAt: number | null;
  readonly stop: () => void;
}

/**
 * The edge's ear at a Cluster: one subscriber connection to each master, as sharded channels and keyspace events are
 * heard at the master of their slot only. Every topic is heard where its slot is. When slots move, or a master is
 * replaced, its topics and no others go to the ear at the new place, which says when it hears them: what came in
 * between is read from their logs.
 */
export class ClusterChannels {
  readonly #nodes: ClusterNodes;
  readonly #keys: Keys;
  readonly #edge: string;
  readonly #listener: LiveListener;
  readonly #ears = new Map<string, NodeEar>();
  /** Slot to the topics in it that are wanted. */
  readonly #wanted = new Map<number, Set<string>>();
  /** Slot to the master at which its topics are heard. */
  readonly #heardAt = new Map<number, string>();

  constructor(nodes: ClusterNodes, keys: Keys, edge: string, listener: LiveListener) {
    this.#nodes = nodes;
    this.#keys = keys;
    this.#edge = edge;
    this.#listener = listener;
  }

  start(): () => void {
    const stopLooking = this.#nodes.onLook((changedSlots) => this.#follow(changedSlots));
    this.#follow([...this.#wanted.keys()]);
    return () => {
      stopLooking();
      for (const address of this.#ears.keys()) this.#close(address);
    };
  }

  subscribe(topic: string): void {
    const slot = this.#slotOf(topic);
    let topics = this.#wanted.get(slot);
    if (topics === undefined) {
      topics = new Set();
      this.#wanted.set(slot, topics);
      this.#move(slot);
    }
    topics.add(topic);
    this.#earOf(slot)?.channels.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    const slot = this.#slotOf(topic);
    const topics = this.#wanted.get(slot);
    this.#earOf(slot)?.channels.unsubscribe(topic);
    topics?.delete(topic);
    if (topics?.size !== 0) return;
    this.#wanted.delete(slot);
    this.#heardAt.delete(slot);
  }

  posts(): readonly { server: string; name: string }[] {
    return [...this.#ears].map(([server, { name }]) => ({ server, name }));
  }

  reconnect({ server }: { server: string }): void {
    this.#ears.get(server)?.channels.reconnect();
  }

  /** After each look at the Cluster. */
  #follow(changedSlots: readonly number[]): void {
    const { masters } = this.#nodes;
    const isNew = [...masters].some((address) => !this.#ears.has(address));
    if (changedSlots.length > 0 || isNew) {
      for (const address of masters) if (!this.#ears.has(address)) this.#open(address);
      for (const slot of changedSlots) if (this.#wanted.has(slot)) this.#move(slot);
      for (const address of this.#ears.keys()) if (!masters.has(address)) this.#close(address);
      this.#renameAll();
    }
    for (const ear of this.#ears.values()) {
      ear.channels.retry();
      if (ear.suspectAt === null || performance.now() - ear.suspectAt < MEND_MS) continue;
      ear.suspectAt = null;
      ear.channels.mend();
    }
  }

  /** Hears the topics of a slot where it is now. */
  #move(slot: number): void {
    const topics = this.#wanted.get(slot) ?? [];
    const before = this.#earOf(slot);
    const address = this.#nodes.addressOf(slot);
    const after = address === undefined ? undefined : this.#ears.get(address);
    if (after === before && after !== undefined) return;
    for (const topic of topics) before?.channels.unsubscribe(topic);
    if (address === undefined || after === undefined) {
      this.#heardAt.delete(slot);
      return;
    }
    this.#heardAt.set(slot, address);
    for (const topic of topics) after.channels.subscribe(topic);
  }

  #open(address: string): void {
    const subscriber = this.#nodes.openSubscriber(address);
    const name = this.#nameAt(address);
    const options = { joining: ONE_BY_ONE, names: [], doorbell: false };
    const channels = new LiveChannels(subscriber, this.#keys, this.#edge, this.#listener, options);
    const ear: NodeEar = { subscriber, channels, name, suspectAt: null, stop: channels.start() };
    // ioredis says so when a server takes channels away, or refuses one, because their slot is elsewhere.
    subscriber.on('moved', () => {
      ear.suspectAt ??= performance.now();
      this.#nodes.lookSoon();
    });
    subscriber.on('close', () => this.#nodes.lookSoon());
    this.#ears.set(address, ear);
  }

  #close(address: string): void {
    const ear = this.#ears.get(address);
    if (ear === undefined) return;
    this.#ears.delete(address);
    ear.stop();
    this.#nodes.closeSubscriber(ear.subscriber);
  }

  /** Has each ear answer to a name whose channel is at its master: its own for canaries, and the edge's id at one. */
  #renameAll(): void {
    const home = this.#nodes.addressOf(slotOf(this.#keys.edgeLive(this.#edge)));
    for (const [address, ear] of this.#ears) {
      if (!this.#isAt(ear.name, address)) ear.name = this.#nameAt(address);
      const isHome = address === home;
      ear.channels.answerTo(isHome ? [this.#edge, ear.name] : [ear.name], isHome);
    }
  }

  /** The first of the edge's names, numbered, whose channel is at this master. */
  #nameAt(address: string): string {
    for (let number = 1; ; number += 1) {
      const name = `${this.#edge}.${number}`;
      if (this.#isAt(name, address)) return name;
    }
  }

  #isAt(name: string, address: string): boolean {
    return this.#nodes.addressOf(slotOf(this.#keys.edgeLive(name))) === address;
  }

  #earOf(slot: number): NodeEar | undefined {
    return this.#ears.get(this.#heardAt.get(slot) ?? '');
  }

  #slotOf(topic: string): number {
    return slotOf(this.#keys.topicLive(topic));
  }
}

/** Whether a channel was refused because its slot is elsewhere, or nowhere. Throws what else went wrong. */
function isRefusal(answer: PromiseSettledResult<unknown> | undefined): boolean {
  if (answer?.status !== 'rejected') return false;
  const reason: unknown = answer.reason;
  if (reason instanceof Error && /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN)\b/.test(reason.message)) return true;
  throw reason;
}
