import { setTimeout as delay } from 'node:timers/promises';
import { type Installation, startInstallation } from '@holdfast/local/installation';
import { type NewKey, createKey } from '@holdfast/local/keys-file';
import { forEachBounded } from '../bounded.ts';
import { HttpPool } from '../http-pool.ts';
import { cpuSeconds } from '../proc.ts';
import type { Message } from '../message.ts';
import { type Helper, topicName } from './peer.ts';
import { type BenchRedis, startRedis } from './redis.ts';

/** Enough to keep a control-api busy. */
const CALLS_AT_ONCE = 32;
const LOOK_EVERY_MS = 50;
/** Many of them start side by side, a second of work each. */
const EDGE_WITHIN_MS = 2000;
const EDGES_WITHIN_MS = 20_000;
const KEY_WITHIN_MS = 10_000;
/** Most messages of a batch, by the contract. */
export const BATCH = 1000;

export interface InstallationOptions {
  edges: number;
  /** Variables of the services. */
  env?: Readonly<Record<string, string>>;
  log: (line: string) => void;
  callsAtOnce?: number;
}

export interface Registration {
  credential: string;
  topics: readonly string[];
}

/** A Redis, a control-api and edges, and the calls that a backend makes. */
export class HoldfastInstallation {
  readonly redis: BenchRedis;
  readonly #installation: Installation;
  readonly #http: HttpPool;
  readonly #started: AsyncDisposableStack;

  private constructor(redis: BenchRedis, installation: Installation, http: HttpPool, started: AsyncDisposableStack) {
    this.redis = redis;
    this.#installation = installation;
    this.#http = http;
    this.#started = started;
  }

  /** Starts all of it, and waits until every edge is known. */
  static async start({ edges, env = {}, log, callsAtOnce = CALLS_AT_ONCE }: InstallationOptions) {
    await using started = new AsyncDisposableStack();
    const redis = await startRedis({ log });
    started.defer(redis.stop);
    const installation = await startInstallation({ edges, redis, env, announce: log });
    started.defer(installation.stop);
    const http = new HttpPool(Number(new URL(installation.controlUrl).port), callsAtOnce, {
      'X-API-Key': installation.key,
      'Content-Type': 'application/json',
    });
    started.defer(() => http.close());
    await edgesKnown(http, edges);
    return new HoldfastInstallation(redis, installation, http, started.move());
  }

  get edges(): Installation['edges'] {
    return this.#installation.edges;
  }

  get edgePorts(): number[] {
    return this.edges.map(({ url }) => Number(new URL(url).port));
  }

  get controlPort(): number {
    return Number(new URL(this.#installation.controlUrl).port);
  }

  get controlPids(): number[] {
    return this.#installation.controls.map(({ pid }) => pid);
  }

  /** Makes an API key, and waits until it holds. */
  async addKey(key: NewKey): Promise<string> {
    const { presented } = await createKey(this.#installation.keysFile, key);
    const giveUpAt = performance.now() + KEY_WITHIN_MS;
    for (;;) {
      const { status } = await fetch(`${this.#installation.controlUrl}/v1/topics?limit=1`, {
        headers: { 'x-api-key': presented },
      });
      if (status === 200) return presented;
      if (performance.now() > giveUpAt) throw new Error(`the key ${key.id} does not hold`);
      await delay(LOOK_EVERY_MS);
    }
  }

  /** What a message passes through besides the edges. */
  get helpers(): Helper[] {
    const controls = this.#installation.controls.map(({ pid }) => ({ name: 'control-api', pid }));
    return [...controls, { name: 'redis', pid: this.redis.pid }];
  }

  /** In seconds. */
  async cpu(): Promise<{ control: number; redis: number }> {
    const [control, redis] = await Promise.all([
      cpuSeconds(this.#installation.controls.map(({ pid }) => pid)),
      cpuSeconds([this.redis.pid]),
    ]);
    return { control, redis };
  }

  async call(method: string, path: string, body: string): Promise<void> {
    await this.#http.call(method, path, body);
  }

  async createTopics(numbers: Iterable<number>): Promise<void> {
    await forEachBounded(numbers, CALLS_AT_ONCE, (topic) => this.call('PUT', `/v1/topics/${topicName(topic)}`, '{}'));
  }

  /** Registers clients by ids of our own choice; `onDone` is told of each. */
  async register(clients: Iterable<Registration>, onDone?: () => void): Promise<void> {
    await forEachBounded(clients, CALLS_AT_ONCE, async ({ credential, topics }) => {
      await this.call('POST', '/v1/clients', JSON.stringify({ clientId: credential, topics }));
      onDone?.();
    });
  }

  async publish({ topic, data }: Message): Promise<void> {
    await this.call('POST', `/v1/topics/${topicName(topic)}/messages`, data);
  }

  async publishAll(messages: readonly Message[]): Promise<void> {
    for (let from = 0; from < messages.length; from += BATCH) {
      const { body } = await this.#http.call('POST', '/v1/messages', batchOf(messages.slice(from, from + BATCH)));
      const refused = (JSON.parse(body) as { results: { ok: boolean }[] }).results.find(({ ok }) => !ok);
      if (refused !== undefined) throw new Error(`a message of a batch was refused: ${JSON.stringify(refused)}`);
    }
  }

  /** Ends an edge without a word; resolves when it is gone. */
  async kill(edge: number): Promise<void> {
    this.edges[edge]?.kill('SIGKILL');
    await this.edges[edge]?.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#started.disposeAsync();
  }
}

/** The body of a call that publishes several messages; the data is passed on as it is. */
export function batchOf(messages: readonly Message[]): string {
  const items = messages.map(({ topic, data }) => `{"topics":["${topicName(topic)}"],"data":${data}}`);
  return `{"messages":[${items.join(',')}]}`;
}

async function edgesKnown(http: HttpPool, count: number): Promise<void> {
  const giveUpAt = performance.now() + EDGES_WITHIN_MS + count * EDGE_WITHIN_MS;
  for (;;) {
    const { edges } = JSON.parse((await http.call('GET', '/v1/edges')).body) as { edges: unknown[] };
    if (edges.length === count) return;
    if (performance.now() > giveUpAt) throw new Error(`${edges.length} of ${count} edges are known`);
    await delay(LOOK_EVERY_MS);
  }
}
