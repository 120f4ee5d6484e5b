import { askRedis } from '@holdfast/local/ask-redis';
import { prefix } from '@holdfast/testkit/redis';
import { redisKeys } from '../keys.ts';
import type { Redis } from 'ioredis';
import { clusterCommands } from '@holdfast/redis/cluster-commands';
import type { ClusterTopology } from '@holdfast/redis/topology';
import { controlBroker, edgeBroker } from '../redis-broker.ts';
import { newRedis, openRedis } from './brokers.ts';

const SLOTS = 16_384;

/** The topology of a Cluster that is refreshed by the test only. */
export class KnownCluster implements ClusterTopology {
  readonly #seed: string;
  readonly #connections = new Map<string, Redis>();
  readonly #listeners = new Set<(changedSlots: readonly number[]) => void>();
  #owners: (string | undefined)[] = Array.from({ length: SLOTS });
  /** The subscriber connections, by the address of their node. */
  readonly subscribers = new Map<string, Redis>();
  /** How often a refresh was asked for. */
  refreshesAsked = 0;
  /** The redirects that were followed. */
  readonly redirects: string[] = [];

  private constructor(seed: string) {
    this.#seed = seed;
  }

  /** Knows what the node at this URL knows. */
  static async open(seed: string): Promise<KnownCluster> {
    const cluster = new KnownCluster(seed);
    await cluster.refresh();
    return cluster;
  }

  get masters(): ReadonlySet<string> {
    return new Set(this.#owners.filter((owner) => owner !== undefined));
  }

  async refresh(seed: string = this.#seed): Promise<void> {
    const ranges = (await askRedis(seed, 'CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
    const before = this.#owners;
    this.#owners = Array.from({ length: SLOTS });
    for (const [from, to, [host, port]] of ranges) this.#owners.fill(`${host}:${port}`, from, to + 1);
    for (const address of this.masters) await this.#open(address);
    const changed = this.#owners.flatMap((owner, slot) => (owner === before[slot] ? [] : slot));
    for (const listener of this.#listeners) listener(changed);
  }

  masterOf(slot: number): Redis | undefined {
    return this.#connections.get(this.#owners[slot] ?? '');
  }

  addressOf(slot: number): string | undefined {
    return this.#owners[slot];
  }

  redirected(address: string): Promise<Redis> {
    this.redirects.push(address);
    return this.#open(address);
  }

  moved(slot: number, address: string): void {
    this.#owners[slot] = address;
  }

  /** Knows no master of a slot any more. */
  forget(slot: number): void {
    this.#owners[slot] = undefined;
  }

  refreshSoon(): void {
    this.refreshesAsked += 1;
  }

  onRefresh(listener: (changedSlots: readonly number[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  openSubscriber(address: string): Redis {
    const subscriber = newRedis('subscriber', `redis://${address}`);
    // One that fails is tried again by the connection itself.
    subscriber.connect().catch(() => undefined);
    this.subscribers.set(address, subscriber);
    return subscriber;
  }

  closeSubscriber(subscriber: Redis): void {
    for (const [address, open] of this.subscribers) if (open === subscriber) this.subscribers.delete(address);
    subscriber.disconnect();
  }

  fault(): string | null {
    return this.#owners.includes(undefined) ? 'slots are not served' : null;
  }

  async #open(address: string): Promise<Redis> {
    const known = this.#connections.get(address);
    if (known !== undefined) return known;
    const opened = await openRedis('commands', `redis://${address}`);
    this.#connections.set(address, opened);
    return opened;
  }
}

/** Both brokers over a Cluster, under a prefix of their own. */
export function brokersOf(topology: ClusterTopology) {
  const own = prefix();
  const commands = clusterCommands(topology);
  return {
    commands,
    prefix: own,
    keys: redisKeys(own),
    control: controlBroker(commands, own),
    edge: edgeBroker(commands, own),
  };
}
