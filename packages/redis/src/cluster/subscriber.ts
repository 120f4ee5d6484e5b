import type { Redis } from 'ioredis';
import {
  type ChannelCommands,
  ConnectionSubscriber,
  type SubscribedServer,
  type Subscriber,
  type SubscriberOptions,
} from '../subscriber.ts';
import { slotOf } from './slots.ts';
import type { ClusterTopology } from './topology.ts';

/** How often subscriptions are compared with what the connection knows, while slots move under them. */
const REPAIR_MS = 1_000;

/** Channels of one command must lie in one slot, so each goes by itself; they are written together all the same. */
const ONE_BY_ONE: ChannelCommands = {
  subscribe: async (redis, channels) => {
    const answers = await Promise.allSettled(channels.map((channel) => redis.ssubscribe(channel)));
    return channels.filter((_, index) => isRefusal(answers[index]));
  },
  unsubscribe: async (redis, channels) => {
    // A channel whose slot has gone was taken away by the server.
    const answers = await Promise.allSettled(channels.map((channel) => redis.sunsubscribe(channel)));
    answers.forEach(isRefusal);
  },
};

/** The subscriptions at one master. */
interface Master {
  readonly redis: Redis;
  readonly channels: ConnectionSubscriber;
  /** The name by which this process reaches itself through this master. */
  name: string;
  /** Since when channels may have been taken away. */
  suspectAt: number | null;
  readonly stop: () => void;
}

/**
 * Subscribes at a Cluster: one connection to each master, as sharded channels and keyspace events are delivered by the
 * master of their slot only. When slots move, or a master is replaced, their channels and no others are subscribed at
 * the new place, and reported anew: what was published in between was missed.
 */
export class ClusterSubscriber implements Subscriber {
  readonly #topology: ClusterTopology;
  readonly #options: SubscriberOptions;
  readonly #masters = new Map<string, Master>();
  /** Slot to the channels in it that are desired, and their names. */
  readonly #desired = new Map<number, Map<string, string>>();
  /** Slot to the master at which its channels are subscribed. */
  readonly #subscribedAt = new Map<number, string>();

  constructor(topology: ClusterTopology, options: SubscriberOptions) {
    this.#topology = topology;
    this.#options = options;
  }

  start(): () => void {
    const stop = this.#topology.onRefresh((changedSlots) => this.#follow(changedSlots));
    this.#follow([...this.#desired.keys()]);
    return () => {
      stop();
      for (const address of this.#masters.keys()) this.#close(address);
    };
  }

  subscribe(channel: string, name: string): void {
    const slot = slotOf(channel);
    let channels = this.#desired.get(slot);
    if (channels === undefined) {
      channels = new Map();
      this.#desired.set(slot, channels);
      this.#move(slot);
    }
    channels.set(channel, name);
    this.#masterOf(slot)?.channels.subscribe(channel, name);
  }

  unsubscribe(channel: string): void {
    const slot = slotOf(channel);
    const channels = this.#desired.get(slot);
    this.#masterOf(slot)?.channels.unsubscribe(channel);
    channels?.delete(channel);
    if (channels?.size !== 0) return;
    this.#desired.delete(slot);
    this.#subscribedAt.delete(slot);
  }

  servers(): readonly SubscribedServer[] {
    return [...this.#masters].map(([server, { name }]) => ({ server, name }));
  }

  reconnect({ server }: SubscribedServer): void {
    this.#masters.get(server)?.channels.reconnect();
  }

  /** After each refresh of the topology. */
  #follow(changedSlots: readonly number[]): void {
    const addresses = this.#topology.masters;
    const isNew = [...addresses].some((address) => !this.#masters.has(address));
    if (changedSlots.length > 0 || isNew) {
      for (const address of addresses) if (!this.#masters.has(address)) this.#open(address);
      for (const slot of changedSlots) if (this.#desired.has(slot)) this.#move(slot);
      for (const address of this.#masters.keys()) if (!addresses.has(address)) this.#close(address);
      this.#renameAll();
    }
    for (const master of this.#masters.values()) {
      master.channels.retry();
      if (master.suspectAt === null || performance.now() - master.suspectAt < REPAIR_MS) continue;
      master.suspectAt = null;
      master.channels.repair();
    }
  }

  /** Subscribes to the channels of a slot where it is now. */
  #move(slot: number): void {
    const channels = this.#desired.get(slot) ?? new Map<string, string>();
    const before = this.#masterOf(slot);
    const address = this.#topology.addressOf(slot);
    const after = address === undefined ? undefined : this.#masters.get(address);
    if (after === before && after !== undefined) return;
    for (const channel of channels.keys()) before?.channels.unsubscribe(channel);
    if (address === undefined || after === undefined) {
      this.#subscribedAt.delete(slot);
      return;
    }
    this.#subscribedAt.set(slot, address);
    for (const [channel, name] of channels) after.channels.subscribe(channel, name);
  }

  #open(address: string): void {
    const redis = this.#topology.openSubscriber(address);
    const { listener, watchedKey } = this.#options;
    const options = { listener, commands: ONE_BY_ONE, own: [], watchedKey, watches: false };
    const channels = new ConnectionSubscriber(redis, options);
    const name = this.#nameAt(address);
    const master: Master = { redis, channels, name, suspectAt: null, stop: channels.start() };
    // ioredis emits this when a server takes channels away, or refuses one, because their slot is elsewhere.
    redis.on('moved', () => {
      master.suspectAt ??= performance.now();
      this.#topology.refreshSoon();
    });
    redis.on('close', () => this.#topology.refreshSoon());
    this.#masters.set(address, master);
  }

  #close(address: string): void {
    const master = this.#masters.get(address);
    if (master === undefined) return;
    this.#masters.delete(address);
    master.stop();
    this.#topology.closeSubscriber(master.redis);
  }

  /** Gives each connection an own channel that is at its master, and the channel of the plain name to one of them. */
  #renameAll(): void {
    const { name, channelOf } = this.#options;
    const home = this.#topology.addressOf(slotOf(channelOf(name)));
    for (const [address, master] of this.#masters) {
      if (!this.#isAt(master.name, address)) master.name = this.#nameAt(address);
      const isHome = address === home;
      master.channels.setOwn((isHome ? [name, master.name] : [master.name]).map(channelOf), isHome);
    }
  }

  /** The first of the numbered names whose channel is at this master. */
  #nameAt(address: string): string {
    for (let number = 1; ; number += 1) {
      const name = `${this.#options.name}.${number}`;
      if (this.#isAt(name, address)) return name;
    }
  }

  #isAt(name: string, address: string): boolean {
    return this.#topology.addressOf(slotOf(this.#options.channelOf(name))) === address;
  }

  #masterOf(slot: number): Master | undefined {
    return this.#masters.get(this.#subscribedAt.get(slot) ?? '');
  }
}

/** Whether a channel was refused because its slot is elsewhere, or nowhere. Throws what else went wrong. */
function isRefusal(answer: PromiseSettledResult<unknown> | undefined): boolean {
  if (answer?.status !== 'rejected') return false;
  const reason: unknown = answer.reason;
  if (reason instanceof Error && /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN)\b/.test(reason.message)) return true;
  throw reason;
}
