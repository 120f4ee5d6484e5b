import { reasonOf } from '@holdfast/service/error-fields';
import type { Logger } from '@holdfast/service/logger';
import type { Redis } from 'ioredis';
import type { RedisTarget } from '../config.ts';
import { closeRedis, connectNode } from '../connection.ts';
import { ClusterIncident } from '../incidents.ts';
import { askNode, firstAnswers } from './discovery.ts';
import { type ClusterMap, type ClusterView, SLOTS, endpointOf, mapOf, uncovered } from './slots.ts';

/** How often nodes are asked which of them serves what. A redirect, or a connection that is lost, asks at once. */
const REFRESH_MS = 1_000;
/** Nodes that are asked at a time. Three, so that one that was cut off, and knows nothing new, is outvoted. */
const NODES_PER_REFRESH = 3;
/** How long the others may take when one has answered. */
const LATE_MS = 200;
/** Between two refreshes that something happened to ask for: moving a thousand slots must not ask a thousand times. */
const PAUSE_MS = 50;
/** How long a connection to a node without slots is kept: slots that are on their way to it lead there. */
const UNUSED_MS = 10_000;
/** How long a node that a redirect names may take to be connected. */
const CONNECT_MS = 1_000;

export interface OpenRedisOptions {
  /** Shown in Redis' CLIENT LIST and in log lines. */
  readonly name: string;
  readonly logger: Logger;
}

/** A connection for commands to one node, and when a redirect last led to it. */
interface Node {
  readonly redis: Redis;
  usedAt: number;
}

export type ClusterTarget = Extract<RedisTarget, { kind: 'cluster' }>;
type RefreshListener = (changedSlots: readonly number[]) => void;
type ReadyListener = (connection: Redis, again: boolean) => void;

/** What commands and subscribers need to know of a Cluster. */
export type ClusterTopology = Pick<
  Topology,
  | 'masterOf'
  | 'addressOf'
  | 'masters'
  | 'redirected'
  | 'moved'
  | 'refreshSoon'
  | 'onRefresh'
  | 'openSubscriber'
  | 'closeSubscriber'
  | 'fault'
>;

/**
 * Which node serves which slot of a Cluster, and a connection for commands to each master. Nodes are asked every
 * second, and as soon as something hints at a change; connections are opened and closed accordingly. They are
 * connections like any other of ours (connection.ts): nothing is kept for later, nothing is sent twice.
 *
 * Not ioredis' own Cluster, which sends a command again after a lost connection, and gives up a whole pipeline for
 * one redirect in it: docs/decisions/0030.
 */
export class Topology {
  readonly #target: ClusterTarget;
  readonly #name: string;
  readonly #logger: Logger;
  readonly #incident: ClusterIncident;
  readonly #nodes = new Map<string, Node>();
  readonly #subscribers = new Set<Redis>();
  readonly #onReady = new Set<ReadyListener>();
  readonly #onRefresh = new Set<RefreshListener>();
  #map: ClusterMap = { owners: Array.from<undefined>({ length: SLOTS }), addresses: new Set(), isServing: false };
  #masters: ReadonlySet<string> = new Set();
  #reason = 'has not been asked yet';
  #mapFault: string | null = 'has not been asked yet';
  #wasReady = false;
  #refreshed = false;
  #refreshing = false;
  /** A refresh is due at once: after the one that is under way, or after a pause. */
  #soon = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(target: ClusterTarget, { name, logger }: OpenRedisOptions) {
    this.#target = target;
    this.#name = name;
    this.#logger = logger;
    this.#incident = new ClusterIncident(logger, name);
    this.#schedule(0);
  }

  /** The connection for commands to the master of a slot, ready or not. Undefined when no node serves the slot. */
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

  /** The connections for commands to the masters, ready or not. */
  servers(): readonly Redis[] {
    return [...this.#masters].flatMap((address) => this.#nodes.get(address)?.redis ?? []);
  }

  /** A connection that is ready, to a node that a redirect named. Rejects when it does not become ready in time. */
  async redirected(address: string): Promise<Redis> {
    const { redis } = this.#open(address);
    if (redis.status !== 'ready') await becomesReady(redis, address);
    return redis;
  }

  /** A node redirected to another master of a slot. */
  moved(slot: number, address: string): void {
    this.#open(address);
    this.refreshSoon();
    if (this.#map.owners[slot] === address) return;
    const owners = [...this.#map.owners];
    owners[slot] = address;
    this.#report(this.#take({ ...this.#map, owners }));
  }

  /** Something happened that may mean that a slot has another master. */
  refreshSoon(): void {
    if (this.#soon) return;
    this.#soon = true;
    if (!this.#refreshing) this.#schedule(PAUSE_MS);
  }

  /** Calls back after every refresh, with the slots that have another master, or none, or one again. Gives the stop. */
  onRefresh(listener: RefreshListener): () => void {
    this.#onRefresh.add(listener);
    return () => this.#onRefresh.delete(listener);
  }

  /** Calls back with each connection that is ready; `again` when the whole Cluster was ready before. Gives the stop. */
  onReady(listener: ReadyListener): () => void {
    this.#onReady.add(listener);
    for (const { redis } of this.#nodes.values()) if (redis.status === 'ready') listener(redis, false);
    return () => this.#onReady.delete(listener);
  }

  /** A connection for pub/sub to one master. It comes back by itself until `closeSubscriber`. */
  openSubscriber(address: string): Redis {
    const subscriber = this.#connect(address, 'subscriber');
    this.#subscribers.add(subscriber);
    return subscriber;
  }

  closeSubscriber(subscriber: Redis): void {
    this.#subscribers.delete(subscriber);
    subscriber.disconnect();
  }

  /** Why the nodes were asked in vain, or what they miss; null when the last refresh found every slot served. */
  get mapFault(): string | null {
    return this.#refreshed ? this.#mapFault : null;
  }

  /** Why not every command can be answered now; null when it can. */
  fault(): string | null {
    if (this.#mapFault !== null) return this.#mapFault;
    const silent = [...this.#masters].filter((address) => this.#nodes.get(address)?.redis.status !== 'ready');
    return silent.length === 0 ? null : `no answer from ${silent.join(', ')}`;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const subscriber of this.#subscribers) subscriber.disconnect();
    await Promise.all([...this.#nodes.values()].map(({ redis }) => closeRedis(redis)));
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.#closed) this.#timer = setTimeout(() => void this.#refresh(), ms);
  }

  async #refresh(): Promise<void> {
    this.#refreshing = true;
    this.#soon = false;
    const views = await this.#ask();
    this.#refreshing = false;
    if (this.#closed) return;
    this.#refreshed = true;
    // Without an answer the last map is kept: commands still go where it leads.
    const changed = views.length > 0 ? this.#take(mapOf(views)) : [];
    this.#mapFault = views.length > 0 ? this.#faultOfMap() : `no node of the Cluster answers: ${this.#reason}`;
    this.#incident.is(this.#mapFault);
    this.#report(changed);
    this.#schedule(this.#soon ? PAUSE_MS : REFRESH_MS);
  }

  /** Masters first; where none of them answers, every node that is known or was configured. */
  async #ask(): Promise<ClusterView[]> {
    const ready = [...this.#masters].filter((address) => this.#nodes.get(address)?.redis.status === 'ready');
    const views = await this.#askSome(shuffled(ready).slice(0, NODES_PER_REFRESH));
    if (views.some(({ claims }) => claims.length > 0)) return views;
    const others = new Set([...this.#target.nodes.map(({ host, port }) => `${host}:${port}`), ...this.#map.addresses]);
    const left = shuffled([...others]);
    while (left.length > 0 && !this.#closed) {
      views.push(...(await this.#askSome(left.splice(0, NODES_PER_REFRESH))));
      if (views.some(({ claims }) => claims.length > 0)) break;
    }
    return views;
  }

  #askSome(addresses: readonly string[]): Promise<ClusterView[]> {
    const as = { access: this.#target.access, name: this.#name };
    const views = addresses.map((address) => askNode(address, this.#nodes.get(address)?.redis, as));
    return firstAnswers(views, LATE_MS, (error) => {
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

  #report(changed: readonly number[]): void {
    for (const listener of this.#onRefresh) listener(changed);
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
    redis.on('close', () => this.refreshSoon());
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
