import { randomBytes, randomUUID } from 'node:crypto';
import type { ControlBroker } from '@holdfast/broker/broker';
import type { WebhookBroker } from '@holdfast/broker/webhook-broker';
import type { WebhookSummary } from '@holdfast/protocol/rest/webhooks';
import type { WebhookEndpoint } from '@holdfast/protocol/webhooks-file';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { repeat } from '@holdfast/service/backoff';
import type { Logger } from '@holdfast/service/logger';
import { filterOf, wantedBy, wantedOfChannels } from './endpoint-filter.ts';
import { EndpointRunner } from './endpoint-runner.ts';
import { summaryOf } from './endpoint-summary.ts';
import { testBody } from './event-body.ts';
import { EventFeed } from './event-feed.ts';
import { RETRIES, type RetrySchedule } from './retries.ts';
import { createRetention } from './retention.ts';
import { type SendResult, type SenderOptions, createSender, failure } from './sender.ts';
import { type FindApp, signerOf } from './signature.ts';
import type { WebhookMetrics } from './webhook-metrics.ts';
import type { WebhookSource } from './webhooks-file.ts';

const KEEP_WANTED_MS = 5_000;
const TEST_ID_BYTES = 12;

/** What operators may look at and do. All reject with RedisUnavailable. */
export interface Webhooks {
  list(): Promise<WebhookSummary[]>;
  /** Sends an event that tells of nothing; null: there is no such endpoint. */
  test(id: string): Promise<(SendResult & { id: string; ms: number }) | null>;
  /** Has all events from a time on sent again; false: there is no such endpoint. */
  replay(id: string, sinceMs: number): Promise<boolean>;
  /** Has a disabled endpoint tried again; false: there is no such endpoint. */
  enable(id: string): Promise<boolean>;
}

/** Of an installation without a file of webhooks. */
export const NO_WEBHOOKS: Webhooks = {
  list: async () => [],
  test: async () => null,
  replay: async () => false,
  enable: async () => false,
};

export interface WebhooksOptions {
  readonly source: Pick<WebhookSource, 'first' | 'watch'>;
  readonly broker: WebhookBroker;
  /** Is to know at once which events are wanted. */
  readonly control: Pick<ControlBroker, 'refreshEvents'>;
  readonly findApp: FindApp;
  readonly sending: SenderOptions;
  readonly metrics: WebhookMetrics;
  readonly logger: Logger;
  readonly retries?: RetrySchedule;
  /** That are kept, of all partitions together. */
  readonly maxEvents?: number;
  readonly maxBytes?: number;
}

/** Delivers events to the endpoints of the file, until it is stopped. */
export function startWebhooks(options: WebhooksOptions): Webhooks & { stop: () => Promise<void> } {
  const { source, broker, control, findApp, metrics, logger, retries = RETRIES, maxEvents, maxBytes } = options;
  const sender = createSender(options.sending);
  const runners = new Map<string, EndpointRunner>();
  let endpoints: readonly WebhookEndpoint[] = [];
  const trim = createRetention({
    broker,
    endpoints: () => endpoints,
    metrics,
    logger,
    ...(maxEvents === undefined ? {} : { maxEvents }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  });
  const feed = new EventFeed(broker, { logger, onRound: trim });
  const deps = { broker, sender, findApp, feed, retries, metrics, logger, onForgotten: () => void keep() };

  function apply(given: readonly WebhookEndpoint[]): void {
    endpoints = given;
    for (const [id, runner] of runners) {
      if (given.some((endpoint) => endpoint.id === id)) continue;
      runners.delete(id);
      void runner.stop();
    }
    for (const endpoint of given) {
      const runner = runners.get(endpoint.id);
      if (runner === undefined) runners.set(endpoint.id, new EndpointRunner(endpoint, deps));
      else runner.update(endpoint);
    }
    void keep();
  }

  async function keepWanted(): Promise<void> {
    metrics.disabled.set([...runners.values()].filter((runner) => runner.isDisabled()).length);
    await broker.keepWanted(wantedBy(endpoints), endpoints.map(filterOf), wantedOfChannels(endpoints));
    await control.refreshEvents();
  }

  function onError(error: unknown): void {
    if (!(error instanceof RedisUnavailable))
      logger.error({ err: error }, 'it could not be noted which events are wanted');
  }
  const keep = (): Promise<void> => keepWanted().catch(onError);

  apply(source.first);
  const stops = [repeat(keep, { intervalMs: KEEP_WANTED_MS, jitter: 0.1, onError }), source.watch(apply)];

  const find = (id: string): WebhookEndpoint | undefined => endpoints.find((endpoint) => endpoint.id === id);

  /** Whoever holds the lease does it with its next renewal; this process at once. */
  async function request(id: string, kind: 'enable' | 'replay', value: string): Promise<boolean> {
    if (find(id) === undefined) return false;
    await broker.requestOfWebhook(id, kind, value);
    await runners.get(id)?.renew();
    return true;
  }

  return {
    list: () =>
      Promise.all(
        endpoints.map(async (endpoint) => {
          const canSign = signerOf(endpoint, findApp) !== null;
          return summaryOf(endpoint, { ...(await broker.readWebhook(endpoint.id)), canSign });
        }),
      ),
    test: async (id) => {
      const endpoint = find(id);
      if (endpoint === undefined) return null;
      const began = performance.now();
      const testId = `test-${randomBytes(TEST_ID_BYTES).toString('hex')}`;
      const sign = signerOf(endpoint, findApp);
      const result =
        sign === null
          ? failure('unknown-app', 'no API key has the app of the endpoint')
          : await sender.send({ url: endpoint.url, sign }, { id: testId, body: testBody(endpoint) });
      return { ...result, id: testId, ms: Math.round(performance.now() - began) };
    },
    replay: (id, sinceMs) => request(id, 'replay', `${sinceMs} ${randomUUID()}`),
    enable: (id) => request(id, 'enable', randomUUID()),
    stop: async () => {
      for (const stop of stops) stop();
      await Promise.all([...runners.values()].map((runner) => runner.stop()));
      feed.stop();
      sender.close();
    },
  };
}
