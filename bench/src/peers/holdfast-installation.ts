import { randomUUID } from 'node:crypto';
import { forEachBounded } from '@holdfast/harness/bounded';
import { HttpPool } from '@holdfast/harness/http-pool';
import { type Installation, startInstallation } from '@holdfast/local/installation';
import { type NewKey, createKey } from '@holdfast/keys-file/keys-file';
import type { RedisServer } from '@holdfast/local/redis-server';
import { until } from '@holdfast/local/until';
import type { Message } from '../message.ts';
import { cpuSeconds } from '@holdfast/harness/cpu-time';
import { CALL_MS, startRedis, topicName } from './peer.ts';

/** Enough to keep a control-api busy. */
const CALLS_AT_ONCE = 32;
const CLIENT_NUMBER_DIGITS = 8;
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
  readonly redis: RedisServer;
  readonly #installation: Installation;
  readonly #http: HttpPool;
  readonly #started: AsyncDisposableStack;

  private constructor(redis: RedisServer, installation: Installation, http: HttpPool, started: AsyncDisposableStack) {
    this.redis = redis;
    this.#installation = installation;
    this.#http = http;
    this.#started = started;
  }

  /** Starts all of it, and waits until every edge is known. */
  static async start({ edges, env = {}, log, callsAtOnce = CALLS_AT_ONCE }: InstallationOptions) {
    await using started = new AsyncDisposableStack();
    const redis = await startRedis({ log });
    started.defer(() => redis.stop());
    const installation = await startInstallation({ edges, redis: { url: redis.url }, env, announce: log });
    started.defer(installation.stop);
    const http = new HttpPool(installation.controlUrl, callsAtOnce, { 'X-API-Key': installation.key }, CALL_MS);
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

  /** Makes an API key, and waits until control-api accepts it. */
  async addKey(key: NewKey): Promise<string> {
    const { presented } = await createKey(this.#installation.keysFile, key);
    const url = `${this.#installation.controlUrl}/v1/topics?limit=1`;
    await until(`the key ${key.id} is accepted`, KEY_WITHIN_MS, async () => {
      return (await fetch(url, { headers: { 'x-api-key': presented } })).status === 200;
    });
    return presented;
  }

  /** In seconds. */
  async cpu(): Promise<{ control: number; redis: number }> {
    return { control: await cpuSeconds(this.controlPids), redis: await cpuSeconds([this.redis.pid]) };
  }

  async call(method: string, path: string, body: string): Promise<void> {
    await this.#http.call(method, path, body);
  }

  async createTopics(numbers: Iterable<number>): Promise<void> {
    await forEachBounded(numbers, CALLS_AT_ONCE, (topic) => this.call('PUT', `/v1/topics/${topicName(topic)}`, '{}'));
  }

  /** Registers clients by their credentials; `onDone` is called for each. */
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

  /** Kills an edge; resolves when it has ended. */
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

/** Client ids of a run by number, of the form of a random UUID, so that a million of them need not be kept. */
export function clientIds(): (client: number) => string {
  const rest = randomUUID().slice(CLIENT_NUMBER_DIGITS);
  return (client) => `${client.toString(16).padStart(CLIENT_NUMBER_DIGITS, '0')}${rest}`;
}

async function edgesKnown(http: HttpPool, count: number): Promise<void> {
  await until(`${count} edges are known`, EDGES_WITHIN_MS + count * EDGE_WITHIN_MS, async () => {
    const { edges } = JSON.parse((await http.call('GET', '/v1/edges')).body) as { edges: unknown[] };
    return edges.length === count;
  });
}
