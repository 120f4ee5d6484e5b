import type { ControlBroker } from '@holdfast/broker/broker';
import { eventWriter } from '@holdfast/broker/event-writer';
import { redisKeys } from '@holdfast/broker/keys';
import { controlBroker } from '@holdfast/broker/redis-broker';
import { type WebhookBroker, webhookBroker } from '@holdfast/broker/webhook-broker';
import { openRedis } from '@holdfast/redis/redis';
import type { RedisLink } from '@holdfast/redis/commands';
import type { RedisTarget } from '@holdfast/redis/config';
import { type WebhookEndpoint, webhookEndpoint } from '@holdfast/protocol/webhooks-file';
import { type CapturedLog, captureLog } from '@holdfast/service/captured-log';
import { type Metrics, createMetrics } from '@holdfast/service/metrics';
import { prefix, redisUrl } from '@holdfast/testkit/redis';
import { onTestFinished } from 'vitest';
import type { z } from 'zod';
import type { RetrySchedule } from '../webhooks/retries.ts';
import type { FindApp } from '../webhooks/signature.ts';
import { createWebhookMetrics } from '../webhooks/webhook-metrics.ts';
import { type Webhooks, startWebhooks } from '../webhooks/webhooks.ts';
import type { WebhookReceiver } from './webhook-receiver.ts';

/** As quick as tests want them. */
const QUICK: RetrySchedule = { firstMs: 20, factor: 2, longestMs: 200, jitter: 0, backMs: 200, giveUpMs: 60_000 };

type Given = z.input<typeof webhookEndpoint>;
type GivenPusher = Extract<Given, { format: 'pusher' }>;
type GivenStandard = Exclude<Given, GivenPusher>;

/** An endpoint of the file that goes to a receiver. */
export function endpointOf(
  receiver: WebhookReceiver,
  id: string,
  fields: Partial<GivenStandard> = {},
): WebhookEndpoint {
  const { url, secret } = receiver;
  return webhookEndpoint.parse({ id, url, secret, types: ['*'], ...fields });
}

/** The same of format "pusher", for the app "app". */
export function pusherEndpointOf(
  { url }: WebhookReceiver,
  id: string,
  fields: Partial<GivenPusher> = {},
): WebhookEndpoint {
  return webhookEndpoint.parse({ id, url, format: 'pusher', app: 'app', ...fields });
}

/** Where events are written, as scripts do. */
export interface TestEvents {
  readonly prefix: string;
  readonly redis: RedisLink;
  readonly broker: WebhookBroker;
  readonly control: ControlBroker;
  /**
   * Gives the position.
   * @param data what it tells beside the topic; a text: all of it, as it is
   */
  ofTopic(topic: string, type: string, data?: object | string): Promise<string>;
  ofClient(clientId: string, type: string, data?: object): Promise<string>;
}

/** A prefix of its own on a Redis. */
export async function openEvents(
  target: RedisTarget = { kind: 'single', url: redisUrl() },
  prefixOfTest = prefix(),
): Promise<TestEvents> {
  const { logger } = captureLog();
  const redis = openRedis(target, { name: 'test', logger });
  await redis.whenReady({ logger });
  onTestFinished(() => redis.close());
  const keys = redisKeys(prefixOfTest);
  const writer = eventWriter(redis.commands, keys);
  const write = async (key: string, fields: string[]): Promise<string> => {
    const partition = writer.partitions.partitionOf(key);
    const position = await redis.commands.xadd(partition.stream, '*', ...fields);
    writer.written(partition);
    return String(position);
  };
  return {
    prefix: prefixOfTest,
    redis,
    broker: webhookBroker(redis.commands, prefixOfTest),
    control: controlBroker(redis.commands, prefixOfTest),
    ofTopic: (topic, type, data = {}) =>
      write(keys.topic(topic), ['t', type, 'd', typeof data === 'string' ? data : JSON.stringify({ topic, ...data })]),
    ofClient: (clientId, type, data = {}) =>
      write(keys.client(clientId), ['t', type, 'c', clientId, 'd', JSON.stringify(data)]),
  };
}

export interface TestWebhooks extends Webhooks {
  readonly log: CapturedLog;
  readonly metrics: Metrics;
  /** As when the file has changed. */
  change(endpoints: readonly WebhookEndpoint[]): void;
  stop(): Promise<void>;
}

export interface TestWebhooksOptions {
  /** Those of the keys file, which may change meanwhile. */
  findApp?: FindApp;
  retries?: Partial<RetrySchedule>;
  maxEvents?: number;
  timeoutMs?: number;
}

/** The delivery of one control-api. It is ready: what is written from now on is delivered. */
export async function startTestWebhooks(
  { broker, control }: Pick<TestEvents, 'broker' | 'control'>,
  endpoints: readonly WebhookEndpoint[],
  { findApp = () => null, retries = {}, maxEvents, timeoutMs = 20_000 }: TestWebhooksOptions = {},
): Promise<TestWebhooks> {
  const log = captureLog();
  const metrics = createMetrics({ service: 'control-api', ofProcess: false });
  let change: TestWebhooks['change'] | null = null;
  const webhooks = startWebhooks({
    source: {
      first: endpoints,
      watch: (onChange) => {
        change = onChange;
        return () => undefined;
      },
    },
    broker,
    control,
    findApp,
    sending: { allowPrivate: true, timeoutMs },
    metrics: createWebhookMetrics(metrics),
    logger: log.logger,
    retries: { ...QUICK, ...retries },
    ...(maxEvents === undefined ? {} : { maxEvents }),
  });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= webhooks.stop());
  onTestFinished(stop);
  await untilKnown(broker, endpoints);
  return { ...webhooks, log, metrics, change: (given) => change?.(given), stop };
}

/** Until some control-api has each of them, so that what is written from now on is for them. */
async function untilKnown(broker: WebhookBroker, endpoints: readonly WebhookEndpoint[]): Promise<void> {
  for (const { id } of endpoints) {
    while ((await broker.readWebhook(id)).begins === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
