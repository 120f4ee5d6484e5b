import { randomUUID } from 'node:crypto';
import { controlBroker } from '@holdfast/broker/redis-broker';
import type { Position } from '@holdfast/protocol/position-order';
import { type ClientIdentity, NO_IDENTITY } from '@holdfast/broker/client-state';
import { startNow } from '@holdfast/broker/topic-state';
import { captureLog } from '@holdfast/service/captured-log';
import { SingleRedis } from '@holdfast/redis/redis';
import { RedisCluster } from '@holdfast/redis/cluster';

/** What control-api does, by its own broker, as far as an edge notices. */
export async function startControl(redisUrl: string, prefix: string) {
  const { logger } = captureLog();
  const redis = new SingleRedis({ kind: 'single', url: redisUrl }, { name: 'control', logger });
  return { ...(await controlOver(redis, prefix)), redis: redis.commands };
}

/** The same on a Cluster, known by some of its nodes. */
export async function startClusterControl(target: ConstructorParameters<typeof RedisCluster>[0], prefix: string) {
  const { logger } = captureLog();
  return controlOver(new RedisCluster(target, { name: 'control', logger }), prefix);
}

async function controlOver(redis: SingleRedis | RedisCluster, prefix: string) {
  const { logger } = captureLog();
  await redis.whenReady({ logger });
  const broker = controlBroker(redis.commands, prefix);

  /** The starts of subscriptions to these topics that are accepted now. */
  async function begins(topics: readonly string[]): Promise<Map<string, string>> {
    const states = await broker.readTopics(topics);
    return new Map(
      topics.map((topic, index) => {
        const state = states[index];
        if (!state) throw new Error(`there is no topic ${topic}`);
        return [topic, startNow(state)];
      }),
    );
  }

  return {
    broker,
    async topics(...names: string[]): Promise<void> {
      for (const name of names) await broker.putTopic(name, {});
    },
    /** Registers a client that wants these topics; gives its id. */
    async register(
      topics: readonly string[] = [],
      clientId: string = randomUUID(),
      identity: Partial<ClientIdentity> = {},
    ): Promise<string> {
      const client = {
        clientId,
        key: 'test',
        name: null,
        registeredAt: Date.now(),
        topics: await begins(topics),
        identity: { ...NO_IDENTITY, ...identity },
      };
      const outcome = await broker.register(client, null);
      if (outcome !== 'registered') throw new Error(outcome);
      return clientId;
    },
    async subscribe(clientId: string, ...topics: string[]): Promise<void> {
      await broker.changeTopics(clientId, { add: await begins(topics) });
    },
    async unsubscribe(clientId: string, ...topics: string[]): Promise<void> {
      const states = await broker.readTopics(topics);
      const endsAt = new Map(topics.map((topic, index) => [topic, states[index]?.last ?? '']));
      await broker.changeTopics(clientId, { remove: topics, endsAt });
    },
    /** Publishes a JSON text as it is; gives its id. */
    async publish(topic: string, json: string): Promise<Position> {
      const outcome = await broker.publish(topic, Buffer.from(json));
      if (outcome.kind !== 'published') throw new Error(outcome.kind);
      return outcome.id;
    },
    async publishToClient(clientId: string, json: string): Promise<Position> {
      const outcome = await broker.publishToClient(clientId, Buffer.from(json));
      if (outcome.kind !== 'published') throw new Error(outcome.kind);
      return outcome.id;
    },
    stop: () => redis.close(),
  };
}

export type Control = Awaited<ReturnType<typeof startControl>>;
export type ClusterControl = Awaited<ReturnType<typeof startClusterControl>>;
