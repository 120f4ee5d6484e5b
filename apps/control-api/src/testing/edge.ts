import type { EdgeBroker, ServedClient } from '@holdfast/broker/broker';
import type { EdgeDetails, EdgeLoad } from '@holdfast/broker/edge-state';
import { connectionName } from '@holdfast/broker/client-state';
import { type LiveListener, liveSubscriber } from '@holdfast/broker/live-subscriber';
import type { LivePayload } from '@holdfast/broker/live-payload';
import { edgeBroker } from '@holdfast/broker/redis-broker';
import { redisKeys } from '@holdfast/broker/keys';
import { repeat } from '@holdfast/service/backoff';
import { connectRedis, waitForRedis } from '@holdfast/redis/connection';
import type { TestApi } from './api.ts';

/** Often enough for a lease to last on a busy machine. */
const RENEW_MS = 1_000;

let edges = 0;

/** Claims a client for a connection, in place of its owner if it has one. Gives the generation. */
export async function claimFor(broker: EdgeBroker, clientId: string, edge: string): Promise<number> {
  let outcome = await broker.claim({ clientId, edge });
  if (outcome.kind === 'owned-by-other') {
    outcome = await broker.claim({ clientId, edge, generation: outcome.generation });
  }
  if (outcome.kind !== 'claimed') throw new Error(`the claim gave "${outcome.kind}"`);
  return outcome.generation;
}

export interface TestEdgeOptions {
  url?: string;
  connections?: number;
  maxConnections?: number;
  appConnections?: Record<string, number>;
  draining?: boolean;
  load?: EdgeLoad;
  leaving?: boolean;
  facts?: NonNullable<EdgeDetails['facts']>;
  /** Topics of which it reports one subscriber. */
  topics?: string[];
}

/**
 * Stands in for a socket-edge in Redis, by the real broker and without sockets: its lease, which it renews until it dies or
 * is stopped, its clients, and its answers to surveys.
 */
export async function startTestEdge(api: TestApi, options: TestEdgeOptions = {}) {
  edges += 1;
  const id = `edge-${edges}`;
  const { logger } = api.log;
  const target = { kind: 'single', url: api.url } as const;
  const commands = connectRedis(target, { name: id, role: 'commands', logger });
  const subscriber = connectRedis(target, { name: id, role: 'subscriber', logger });
  await Promise.all([waitForRedis(commands, { logger }), waitForRedis(subscriber, { logger })]);
  const broker = edgeBroker(commands, api.prefix);

  const served = new Map<string, ServedClient>();
  let answering = true;
  const answer = async (payload: LivePayload): Promise<void> => {
    if (!answering) return;
    if (payload.kind === 'served') await broker.answer(payload.surveyId, served.get(payload.clientId) ?? null);
    if (payload.kind === 'count') await broker.answer(payload.surveyId, 1);
  };

  const subscribed = Promise.withResolvers<void>();
  const topicNames = options.topics ?? [];
  const received: { topic: string; payload: LivePayload }[] = [];
  const listener: LiveListener = {
    onTopic: (topic, payload) => {
      received.push({ topic, payload });
      void answer(payload);
    },
    onOwn: (payload) => void answer(payload),
    onWakeUp: () => {
      if (topicNames.length === 0) subscribed.resolve();
    },
    onSubscribed: () => subscribed.resolve(),
    onDisconnected: () => {},
  };
  const channels = liveSubscriber(
    { kind: 'one', openSubscriber: () => subscriber },
    redisKeys(api.prefix),
    id,
    listener,
  );
  const stopListening = channels.start();
  for (const topic of topicNames) channels.subscribe(topic);
  await subscribed.promise;

  const lease = {
    id,
    url: options.url ?? `ws://127.0.0.1:${edges}`,
    connections: options.connections ?? 0,
    maxConnections: options.maxConnections ?? 100,
    draining: options.draining ?? false,
    startedAt: Date.now(),
    ...(options.appConnections !== undefined && { appConnections: options.appConnections }),
    ...(options.load && { load: options.load }),
    ...(options.leaving !== undefined && { leaving: options.leaving }),
    ...(options.facts && { facts: options.facts }),
  };
  await broker.renewLease(lease);
  let renewing: Promise<unknown> = Promise.resolve();
  const stopRenewing = repeat(() => (renewing = broker.renewLease(lease)).then(() => undefined), {
    intervalMs: RENEW_MS,
    onError: () => undefined,
  });
  /** Its lease is not renewed from here on. */
  const rest = async (): Promise<void> => {
    stopRenewing();
    await renewing.catch(() => undefined);
  };

  return {
    id,
    url: lease.url,
    broker,
    /** What was published on its topics, in order. */
    received,
    /** Holds a connection of a client, in place of any other, and serves these topics on it. Gives its generation. */
    hold: async (clientId: string, topics: Record<string, string> = {}): Promise<number> => {
      const generation = await claimFor(broker, clientId, id);
      served.set(clientId, { connection: connectionName(generation), generation, topics });
      return generation;
    },
    /** The connection is gone, and Redis does not know yet. */
    lose: (clientId: string) => served.delete(clientId),
    /** What it is asked to do with its next renewal. */
    drainRequest: async () => (await broker.renewLease(lease)).request,
    /** It lives and does not answer. */
    fallSilent: () => {
      answering = false;
    },
    /** Its lease is over; what it held stays marked as its own. */
    die: async () => {
      await rest();
      await broker.dropLease(id);
    },
    /** Its lease runs out: it stays on the list for a while. */
    lapse: async () => {
      await rest();
      await commands.del(redisKeys(api.prefix).edge(id));
    },
    stop: () => {
      stopRenewing();
      stopListening();
      commands.disconnect();
      subscriber.disconnect();
    },
  };
}

export type TestEdge = Awaited<ReturnType<typeof startTestEdge>>;
