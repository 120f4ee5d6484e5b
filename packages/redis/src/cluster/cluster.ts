import type { Redis } from 'ioredis';
import { ClusterIncident } from './cluster-incident.ts';
import { askNode } from './discovery.ts';
import { type ClusterMap, type ClusterView, SLOTS, endpointOf, mapOf, uncovered } from './slots.ts';
import { reasonOf } from '@holdfast/service/error-fields';
import type { Logger } from '@holdfast/service/logger';
import { firstAnswers } from './first-answers.ts';
import type { RedisTarget } from '../config.ts';
import type { OpenRedisOptions, RedisLink } from '../link.ts';
import { type WaitForRedisOptions, closeRedis, connectNode, remind } from '../connection.ts';

/** How often nodes are asked who serves what. A redirect, or a connection that is lost, asks at once. */
const LOOK_MS = 1_000;
/** Nodes that are asked at a time. Three, so that one that was cut off, and knows nothing new, is outvoted. */
const ASKED_AT_ONCE = 3;
/** How long the others may take when one has answered. */
const LATE_MS = 200;
/** Between two looks that something happened to ask for: moving a thousand slots must not ask a thousand times. */
const PAUSE_MS = 50;
/** How long a connection to a node without slots is kept: slots that are on their way to it lead there. */
const UNUSED_MS = 10_000;
/** How long a node that a redirect names may take to be connected. */
const CONNECT_MS = 1_000;

/** A connection for commands to one node, and when a redirect last led to it. */
interface Node {
  readonly redis: Redis;
  usedAt: number;
}

type ClusterTarget = Extract<RedisTarget, { kind: 'cluster' }>;
type LookListener = (changedSlots: readonly number[]) => void;
type ReadyListener = (connection: Redis, again: boolean) => void;

/**
 * A Redis Cluster: who serves which slot, and a connection for commands to each master. Nodes are asked every second,
 * and as soon as something hints at a change; connections are opened and closed accordingly. They are connections like
 * any other of ours (redis.ts): nothing is kept for later, nothing is sent twice.
 *
 * Not ioredis' own Cluster, which sends a command again after a lost connection, and gives up a whole pipeline for
 * one redirect in it: docs/decisions/0030.
 */
export class RedisCluster implements RedisLink {
  readonly kind = 'cluster';
  readonly #target: ClusterTarget;
  readonly #name: string;
  readonly #logger: Logger;
  readonly #incident: ClusterIncident;
  readonly #nodes = new Map<string, Node>();
  readonly #subscribers = new Set<Redis>();
  readonly #onReady = new Set<ReadyListener>();
  readonly #onLook = new Set<LookListener>();
  readonly #closing = new AbortController();
  #map: ClusterMap = { owners: Array.from<undefined>({ length: SLOTS }), addresses: new Set(), isServing: false };
  #masters: ReadonlySet<string> = new Set();
  #reason = 'has not been asked yet';
  #mapFault: string | null = 'has not been asked yet';
  #wasReady = false;
  #looked = false;
  #looking = false;
  /** A look is due at once: after the one that is under way, or after a pause. */
  #soon = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(target: ClusterTarget, { name, logger }: OpenRedisOptions) {
    this.#target = target;
    this.#name = name;
    this.#logger = logger;
    this.#incident = new ClusterIncident(logger, name);
    this.#schedule(0);
  }

  /** The connection to the master of a slot, as far as is known, ready or not. */
  masterOf(slot: number): Redis | undefined {
    const address = this.#map.owners[slot];
    return address === undefined ? undefined : this.#nodes.get(address)?.redis;
  }

  /** `host:port` of the master of a slot. */
  addressOf(slot: number): string | undefined {
    return this.#map.owners[slot];
  }

  /** `host:port` of every master that has slots. */
  get masters(): ReadonlySet<string> {
    return this.#masters;
  }

  /** A connection that is ready, to a node that a redirect named. Rejects when it does not become ready in time. */
  async redirected(address: string): Promise<Redis> {
    const { redis } = this.#open(address);
    if (redis.status !== 'ready') await becomesReady(redis, address);
    return redis;
  }

  /** A node says that a slot has another master. */
  moved(slot: number, address: string): void {
    this.#open(address);
    this.lookSoon();
    if (this.#map.owners[slot] === address) return;
    const owners = [...this.#map.owners];
    owners[slot] = address;
    this.#tell(this.#take({ ...this.#map, owners }));
  }

  /** Asks who serves what, unless that is being asked anyway. */
  lookSoon(): void {
    if (this.#soon) return;
    this.#soon = true;
    if (!this.#looking) this.#schedule(PAUSE_MS);
  }

  /** Calls back after every look at the Cluster, with the slots that have another master, or none, or one again. */
  onLook(listener: LookListener): () => void {
    this.#onLook.add(listener);
    return () => this.#onLook.delete(listener);
  }

  /** A connection that listens to one master. It comes back by itself until `closeSubscriber`. */
  openSubscriber(address: string): Redis {
    const subscriber = this.#connect(address, 'subscriber');
    this.#subscribers.add(subscriber);
    return subscriber;
  }

  closeSubscriber(subscriber: Redis): void {
    this.#subscribers.delete(subscriber);
    subscriber.disconnect();
  }

  servers(): readonly Redis[] {
    return [...this.#masters].flatMap((address) => this.#nodes.get(address)?.redis ?? []);
  }

  fault(): string | null {
    if (this.#mapFault !== null) return this.#mapFault;
    const silent = [...this.#masters].filter((address) => this.#nodes.get(address)?.redis.status !== 'ready');
    return silent.length === 0 ? null : `no answer from ${silent.join(', ')}`;
  }

  onReady(listener: ReadyListener): void {
    this.#onReady.add(listener);
    for (const { redis } of this.#nodes.values()) if (redis.status === 'ready') listener(redis, false);
  }

  async whenReady(options: WaitForRedisOptions): Promise<void> {
    const signal = AbortSignal.any([this.#closing.signal, ...(options.signal === undefined ? [] : [options.signal])]);
    signal.throwIfAborted();
    const ready = Promise.withResolvers<void>();
    const reminder = remind(() => this.fault() ?? 'a node has just gone', options);
    const look = (): void => {
      if (this.fault() === null) ready.resolve();
      // Before the first look there is nothing to say; what that finds is worth saying.
      else if (this.#mapFault !== null && this.#looked) reminder.sayOnce();
    };
    const onAbort = (): void => ready.reject(signal.reason);
    this.#onLook.add(look);
    this.#onReady.add(look);
    signal.addEventListener('abort', onAbort, { once: true });
    look();
    try {
      await ready.promise;
    } finally {
      reminder.stop();
      this.#onLook.delete(look);
      this.#onReady.delete(look);
      signal.removeEventListener('abort', onAbort);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('The connection to the Cluster was closed'));
    clearTimeout(this.#timer);
    for (const subscriber of this.#subscribers) subscriber.disconnect();
    await Promise.all([...this.#nodes.values()].map(({ redis }) => closeRedis(redis)));
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.#closing.signal.aborted) this.#timer = setTimeout(() => void this.#look(), ms);
  }

  async #look(): Promise<void> {
    this.#looking = true;
    this.#soon = false;
    const views = await this.#ask();
    this.#looking = false;
    if (this.#closing.signal.aborted) return;
    this.#looked = true;
    // Nobody knows better than the last who answered: what can be asked still goes where they said.
    const changed = views.length > 0 ? this.#take(mapOf(views)) : [];
    this.#mapFault = views.length > 0 ? this.#faultOfMap() : `no node of the Cluster answers: ${this.#reason}`;
    this.#incident.is(this.#mapFault);
    this.#tell(changed);
    this.#schedule(this.#soon ? PAUSE_MS : LOOK_MS);
  }

  /** Masters first; where none of them answers, every node that is known or was configured. */
  async #ask(): Promise<ClusterView[]> {
    const ready = [...this.#masters].filter((address) => this.#nodes.get(address)?.redis.status === 'ready');
    const views = await this.#askSome(shuffled(ready).slice(0, ASKED_AT_ONCE));
    if (views.some(({ claims }) => claims.length > 0)) return views;
    const others = new Set([...this.#target.nodes.map(({ host, port }) => `${host}:${port}`), ...this.#map.addresses]);
    const left = shuffled([...others]);
    while (left.length > 0 && !this.#closing.signal.aborted) {
      views.push(...(await this.#askSome(left.splice(0, ASKED_AT_ONCE))));
      if (views.some(({ claims }) => claims.length > 0)) break;
    }
    return views;
  }

  #askSome(addresses: readonly string[]): Promise<ClusterView[]> {
    const as = { access: this.#target.access, name: this.#name };
    const asked = addresses.map((address) => askNode(address, this.#nodes.get(address)?.redis, as));
    return firstAnswers(asked, LATE_MS, (error) => {
      this.#reason = reasonOf(error);
    });
  }

  #faultOfMap(): string | null {
    const holes = uncovered(this.#map.owners);
    if (holes !== null) return `no node serves slots ${holes}`;
    return this.#map.isServing ? null : 'the Cluster says that it does not serve (cluster_state:fail)';
  }

  /** Gives the slots that have another master. */
  #take(map: ClusterMap): number[] {
    const before = this.#map.owners;
    this.#map = map;
    const changed: number[] = [];
    for (const [slot, owner] of map.owners.entries()) if (owner !== before[slot]) changed.push(slot);
    if (changed.length > 0) this.#masters = new Set(map.owners.filter((owner) => owner !== undefined));
    this.#openAndClose();
    return changed;
  }

  #tell(changed: readonly number[]): void {
    for (const listener of this.#onLook) listener(changed);
  }

  #openAndClose(): void {
    for (const address of this.#masters) this.#open(address);
    const due = performance.now() - UNUSED_MS;
    for (const [address, { redis, usedAt }] of this.#nodes) {
      if (this.#masters.has(address) || usedAt > due) continue;
      this.#nodes.delete(address);
      this.#logger.info({ connection: this.#name, redis: address }, 'redis node serves nothing any more');
      void closeRedis(redis);
    }
  }

  #open(address: string): Node {
    const known = this.#nodes.get(address);
    if (known !== undefined) {
      known.usedAt = performance.now();
      return known;
    }
    const redis = this.#connect(address, 'commands');
    redis.on('ready', () => {
      for (const listener of this.#onReady) listener(redis, this.#wasReady);
      if (this.fault() === null) this.#wasReady = true;
    });
    redis.on('close', () => this.lookSoon());
    const node = { redis, usedAt: performance.now() };
    this.#nodes.set(address, node);
    return node;
  }

  #connect(address: string, role: 'commands' | 'subscriber'): Redis {
    const name = role === 'commands' ? this.#name : `${this.#name}-live`;
    return connectNode(endpointOf(address), this.#target.access, { name, role, logger: this.#logger });
  }
}

function becomesReady(redis: Redis, address: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => reject(new Error(`no connection to ${address}, to which Redis redirects`)),
    CONNECT_MS,
  );
  redis.once('ready', resolve);
  return promise.finally(() => {
    clearTimeout(timer);
    redis.off('ready', resolve);
  });
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
