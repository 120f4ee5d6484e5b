import { randomUUID } from 'node:crypto';
import type { RedisCluster } from '@holdfast/local/redis-cluster';
import { DEFAULT_PRESENCE } from '@holdfast/protocol/limits';
import { channelTopic } from '@holdfast/protocol/pusher-channels';
import { startPrivateCluster } from '@holdfast/testkit/cluster-process';
import { afterAll, beforeAll } from 'vitest';
import type { TopicState } from '../topics/state.ts';
import { type TestBroker, openBroker } from './brokers.ts';
import { KnownCluster, brokersOf } from './known-cluster.ts';

const START_MS = 60_000;

export const ONE_AND_CLUSTER = ['one Redis', 'a Cluster'] as const;

/** What presence channels are opened with. */
export const CHANNEL_PRESENCE: TopicState['presence'] = { ...DEFAULT_PRESENCE, by: 'user', show: 'members' };

/** A channel of an app of its own, as a topic. */
export function newChannel(name = 'room', appId: string = randomUUID()): string {
  return channelTopic(appId, name);
}

export const frame = (text: string): Buffer => Buffer.from(JSON.stringify({ event: 'said', data: text }));

type Both = Pick<TestBroker, 'keys' | 'control' | 'edge'> & { commands: ReturnType<typeof brokersOf>['commands'] };

/** The brokers over one Redis, and over a Cluster of the test file. */
export async function openBoth(): Promise<(kind: (typeof ONE_AND_CLUSTER)[number]) => Both> {
  const one = await openBroker();
  let cluster: RedisCluster;
  let onCluster: ReturnType<typeof brokersOf>;
  beforeAll(async () => {
    cluster = await startPrivateCluster({ replicas: 0 });
    onCluster = brokersOf(await KnownCluster.open(cluster.nodes[0]?.url ?? ''));
  }, START_MS);
  afterAll(() => cluster.stop());
  return (kind) => (kind === 'one Redis' ? { ...one, commands: one.redis } : onCluster);
}

/** Every key that belongs to a channel. */
export async function keysOf({ redis, prefix }: TestBroker, topic: string): Promise<string[]> {
  const found = await redis.keys(`${prefix}topic:{${topic}}*`);
  return found.map((key) => key.slice(prefix.length + `topic:{${topic}}`.length)).toSorted();
}
