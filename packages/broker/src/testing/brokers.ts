import { randomUUID } from 'node:crypto';
import { type Keys, redisKeys } from '../keys.ts';
import { prefix, redisUrl } from '@holdfast/testkit/redis';
import { Redis } from 'ioredis';
import { afterAll } from 'vitest';
import type { ControlBroker, EdgeBroker, EdgePresence, NewClient } from '../broker.ts';
import type { EdgeDetails } from '../edges/state.ts';
import type { ClientState } from '../clients/state.ts';
import { controlBroker, edgeBroker } from '../redis-broker.ts';

const RECONNECT_MS = 10;
const COMMAND_TIMEOUT_MS = 5_000;
const MAX_BATCH = 1_000;

/** Opens a connection as the services do. It is closed when the tests of the file are over. */
export async function openRedis(role: 'commands' | 'subscriber', url: string = redisUrl()): Promise<Redis> {
  const redis = newRedis(role, url);
  afterAll(() => redis.disconnect());
  await redis.connect();
  return redis;
}

/** The same, not yet connected; the caller closes it. */
export function newRedis(role: 'commands' | 'subscriber', url: string): Redis {
  const redis = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
    enableAutoPipelining: role === 'commands',
    retryStrategy: () => RECONNECT_MS,
  });
  // A connection that a test cuts emits an error; ioredis prints errors that have no listener.
  redis.on('error', () => undefined);
  return redis;
}

export interface TestBroker {
  readonly redis: Redis;
  readonly prefix: string;
  readonly keys: Keys;
  readonly control: ControlBroker;
  readonly edge: EdgeBroker & EdgePresence;
}

/** Both brokers over one connection, under a prefix of their own, which is emptied when the file is over. */
export async function openBroker(url: string = redisUrl()): Promise<TestBroker> {
  const own = prefix();
  const redis = await openRedis('commands', url);
  afterAll(() => emptyPrefix(redis, own));
  return {
    redis,
    prefix: own,
    keys: redisKeys(own),
    control: controlBroker(redis, own),
    edge: edgeBroker(redis, own),
  };
}

/** What an edge of this id says of itself. */
export function detailsOf(id: string): EdgeDetails {
  return { id, url: 'ws://127.0.0.1:1', connections: 0, maxConnections: 1, draining: false, startedAt: 1 };
}

/** A client as control-api registers it. */
export function someone(fields: Partial<NewClient> = {}): NewClient {
  return { clientId: randomUUID(), key: 'mobile', name: null, registeredAt: Date.now(), topics: new Map(), ...fields };
}

/** Connects as a client, in place of its owner if it has one. Gives the generation. */
export async function connect(edge: EdgeBroker, clientId: string, edgeId: string): Promise<number> {
  let outcome = await edge.claim({ clientId, edge: edgeId });
  if (outcome.kind === 'owned-by-other') {
    outcome = await edge.claim({ clientId, edge: edgeId, generation: outcome.generation });
  }
  if (outcome.kind !== 'claimed') throw new Error(`the claim gave "${outcome.kind}"`);
  return outcome.generation;
}

/** A client that exists, as Redis knows it. */
export async function stateOf(control: ControlBroker, clientId: string): Promise<ClientState> {
  const state = await control.readClient(clientId);
  if (state === null) throw new Error(`client ${clientId} is not registered`);
  return state;
}

/**
 * A connection that calls `before` with each command, how many there were and its first argument, and sends it when that has resolved. A
 * `before` that rejects is a process that died there: what it had sent took place, nothing after it does.
 */
export function watched(
  redis: Redis,
  before: (command: string, count: number, first: unknown) => Promise<void> | void,
): Redis {
  let count = 0;
  return new Proxy(redis, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]): Promise<unknown> => {
        count += 1;
        await before(String(name), count, args[0]);
        return value.apply(target, args) as unknown;
      };
    },
  });
}

/** A connection that keeps the arguments of each script that is run: its hash, how many keys, keys and arguments. */
export function recordingScripts(redis: Redis): { redis: Redis; calls: unknown[][] } {
  const calls: unknown[][] = [];
  const recording = new Proxy(redis, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (name !== 'evalsha') return value;
      return (...args: Parameters<Redis['evalsha']>) => {
        calls.push(args);
        return target.evalsha(...args);
      };
    },
  });
  return { redis: recording, calls };
}

/** A connection of a process that dies after so many commands. */
export function dyingAfter(redis: Redis, commands: number): Redis {
  return watched(redis, (_, count) => {
    if (count > commands) throw new Error('the process is gone');
  });
}

async function emptyPrefix(redis: Redis, own: string): Promise<void> {
  if (redis.status !== 'ready') return;
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${own}*`, 'COUNT', MAX_BATCH);
    if (keys.length > 0) await redis.unlink(...keys);
    cursor = next;
  } while (cursor !== '0');
}
