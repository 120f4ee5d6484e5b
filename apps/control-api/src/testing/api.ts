import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { ControlBroker } from '@holdfast/broker/broker';
import { controlBroker } from '@holdfast/broker/redis-broker';
import { apiKeysFile } from '@holdfast/protocol/api-key';
import { type CapturedLog, captureLog } from '@holdfast/service/captured-log';
import { createHealth } from '@holdfast/service/health';
import { createMetrics } from '@holdfast/service/metrics';
import { openRedis } from '@holdfast/redis/redis';
import type { RedisLink } from '@holdfast/redis/commands';
import type { RedisTarget } from '@holdfast/redis/config';
import { redisFacts } from '@holdfast/redis/inspection';
import { redisLoads } from '@holdfast/redis/load';
import { prefix, redisUrl } from '@holdfast/testkit/redis';
import type { FastifyInstance } from 'fastify';
import { expect } from 'vitest';
import type { z } from 'zod';
import { buildApp } from '../app.ts';
import { clientExpiry } from '../clients/client-expiry.ts';
import type { GivenIdentity } from '../clients/client-identity.ts';
import { configSchema, limitsOf } from '../config.ts';
import type { ApiLimits } from '../limits/call-limits.ts';
import { KeyRing } from '../auth/authentication.ts';
import { openKeys } from '../auth/keys-file.ts';
import { NO_WEBHOOKS, type Webhooks } from '../webhooks/webhooks.ts';
import { type Answer, problemMatchers } from './problem-matchers.ts';

expect.extend(problemMatchers);

const SECRET = 'a-secret';
const secretSha256 = createHash('sha256').update(SECRET).digest('hex');
const all = { register: true, subscribe: ['**'], publish: ['**'], manage: ['**'] };

/** An app of the Pusher door. */
export const APP = { appId: '3', key: '278d425bdf160c739803', secret: '7ad3773142a6692b25b8' };

/** The keys of the tests, presented as `keyNamed('all')`. */
const KEYS = {
  all: { can: all },
  powerless: {},
  expired: { can: all, expiresAt: '2020-01-01T00:00:00Z' },
  news: { can: { register: true, subscribe: ['news.*'], publish: ['news.*'], manage: ['news.*'] } },
  readers: { can: { subscribe: ['news.*'] } },
  one: { can: all, maxClients: 1 },
  maker: { can: { manage: ['quota.*'] }, maxTopics: 2, maxHistoryMessages: 10 },
  people: {
    can: {
      register: true,
      subscribe: ['news.*', 'user.{user}.**'],
      publish: ['user.{user}.**'],
      manage: ['people.*'],
      presence: ['room.*', '@users'],
    },
    clientExpirySeconds: 3600,
  },
  lookers: { can: { presence: ['@users'] } },
  toUsers: { can: { publish: ['@users'] } },
  keeper: { can: all, clientExpirySeconds: null },
  creator: {
    can: {
      register: true,
      subscribe: ['room.**', 'own.**'],
      publish: ['room.**', 'own.**'],
      create: ['room.*', 'own.{user}'],
    },
    topicDefaults: { history: { size: 5 }, expireSeconds: 3600, presence: {} },
  },
  cramped: { can: { register: true, subscribe: ['**'], publish: ['**'], create: ['**'] }, maxTopics: 1 },
  watcher: { can: { presence: ['room.*'] } },
  toClients: { can: { publish: ['@clients'] } },
  ofApp: { pusher: APP },
  ofSmallApp: { pusher: { appId: 'small', key: 'small-key', secret: 'small-secret', maxEventBytes: 10 } },
  ofChangingApp: {
    pusher: { appId: 'changing', key: 'changing-key', secret: 'next-secret', previousSecret: 'last-secret' },
  },
  ofExpiredApp: {
    pusher: { appId: 'over', key: 'over-key', secret: 'over-secret' },
    expiresAt: '2020-01-01T00:00:00Z',
  },
};

const KEYS_FILE = { keys: Object.entries(KEYS).map(([id, key]) => ({ id, secretSha256, ...key })) };

/** Before `/apps/`, in URLs of callers. */
const PATH_PREFIXES = ['/pusher', '/push/v2'];

/** Tests change the file where events of it come: nothing waits for a poll. */
const SEEN_WITHIN_MS = 1_000;

export type KeyName = keyof typeof KEYS;

/** The key as a caller presents it. */
export function keyNamed(name: KeyName): string {
  return `${name}.${SECRET}`;
}

export interface CallOptions {
  key?: KeyName;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, as JSON. */
  raw?: string | Buffer;
  headers?: Record<string, string>;
}

export interface TestApi {
  readonly app: FastifyInstance;
  readonly broker: ControlBroker;
  readonly redis: RedisLink;
  readonly keys: KeyRing;
  readonly health: ReturnType<typeof createHealth>;
  readonly log: CapturedLog;
  readonly prefix: string;
  readonly url: string;
  call: (method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH', path: string, options?: CallOptions) => Promise<Answer>;
  /** A registered client. */
  client: (
    options?: { key?: KeyName; topics?: string[]; name?: string; clientId?: string } & GivenIdentity,
  ) => Promise<string>;
  /** Creates topics. */
  topics: (...names: string[]) => Promise<void>;
  stop: () => Promise<void>;
}

/** The app on a real Redis, with a prefix of its own. */
export async function startTestApi(
  url = redisUrl(),
  trustedProxies: string[] = [],
  allowedOrigins: string[] = [],
  limits: Partial<ApiLimits> = {},
  webhooks: Webhooks = NO_WEBHOOKS,
): Promise<TestApi> {
  return testApiOver({ kind: 'single', url }, url, trustedProxies, allowedOrigins, limits, webhooks);
}

/** The same with its keys from a file, which is watched; one that is not there is written with the keys of the tests. */
export async function startApiOn(keysFile: string, url = redisUrl()): Promise<TestApi> {
  await writeFile(keysFile, JSON.stringify(KEYS_FILE), { flag: 'wx' }).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  });
  return testApiOver({ kind: 'single', url }, url, [], [], {}, NO_WEBHOOKS, keysFile);
}

/** The same on a Cluster, known by some of its nodes. */
export function startClusterApi(target: RedisTarget): Promise<TestApi> {
  return testApiOver(target, '', [], []);
}

async function testApiOver(
  target: RedisTarget,
  url: string,
  trustedProxies: string[],
  allowedOrigins: string[],
  limits: Partial<ApiLimits> = {},
  webhooks: Webhooks = NO_WEBHOOKS,
  keysFile?: string,
): Promise<TestApi> {
  const log = captureLog();
  const redis = openRedis(target, { name: 'test', logger: log.logger });
  await redis.whenReady(log);
  const bulkRedis = openRedis(target, { name: 'test-bulk', logger: log.logger });
  await bulkRedis.whenReady(log);
  const prefixOfTest = prefix();
  const broker = controlBroker(redis.commands, prefixOfTest, (record) =>
    log.logger.error({ ...record }, 'a record in Redis cannot be read'),
  );
  const source = keysFile === undefined ? null : await openKeys(keysFile, { production: false, logger: log.logger });
  const stopWatching = source?.watch();
  const keys = source?.ring ?? new KeyRing(apiKeysFile.parse(KEYS_FILE).keys);
  const health = createHealth();
  const metrics = createMetrics({ service: 'control-api' });
  const { logger } = log;
  const app = await buildApp({
    broker,
    bulkBroker: controlBroker(bulkRedis.commands, prefixOfTest),
    redisLoads: () => redisLoads(redis.servers()),
    redisFacts: () => redisFacts(redis, target),
    settings: { production: false, allowedOrigins },
    keys,
    keysFile: source?.file ? { ...source.file, seenWithinMs: SEEN_WITHIN_MS } : null,
    clientExpiry: clientExpiry(keys, null),
    health,
    metrics,
    logger,
    trustedProxies,
    allowedOrigins,
    limits: { ...limitsOf(configSchema.parse({})), ...limits },
    console: null,
    docs: null,
    servesMetrics: true,
    webhooks,
    pusherPathPrefixes: PATH_PREFIXES,
  });
  await app.ready();

  const call: TestApi['call'] = async (method, path, { key, body, raw, headers = {} } = {}) => {
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await app.inject({
      method,
      url: path,
      headers: {
        ...(key === undefined ? {} : { 'x-api-key': keyNamed(key) }),
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(payload === undefined ? {} : { payload }),
    });
    const isJson = /json/.test(String(response.headers['content-type']));
    const answer = {
      status: response.statusCode,
      headers: response.headers,
      text: response.body,
      body: isJson ? (JSON.parse(response.body) as Record<string, unknown>) : {},
    };
    return answer;
  };

  return {
    app,
    broker,
    redis,
    keys,
    health,
    log,
    prefix: prefixOfTest,
    url,
    call,
    client: async (options = {}) => {
      const { key = 'all', ...body } = options;
      const answer = await call('POST', '/v1/clients', { key, body });
      expect(answer.status, `of ${answer.text}`).toBe(201);
      return String(answer.body['clientId']);
    },
    topics: async (...names) => {
      for (const name of names) await broker.putTopic(name, {});
    },
    stop: async () => {
      await app.close();
      stopWatching?.();
      metrics.stop();
      await Promise.all([redis.close(), bulkRedis.close()]);
    },
  };
}

/** Expects a success whose body is exactly of this schema, and gives it. */
export function expectBody<S extends z.ZodObject>(answer: Answer, status: number, schema: S): z.output<S> {
  expect(answer.status, `of ${answer.text}`).toBe(status);
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  return schema.strict().parse(answer.body) as z.output<S>;
}
