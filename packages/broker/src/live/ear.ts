import type { Keys } from '../keys.ts';
import type { Redis } from 'ioredis';
import { ClusterChannels } from './cluster-channels.ts';
import { clusterCommands } from '@holdfast/redis/cluster-commands';
import type { ClusterNodes } from '@holdfast/redis/cluster-nodes';
import type { Commands } from '@holdfast/redis/commands';
import { LiveChannels, type LiveListener } from './live-channels.ts';

/** Our Redis: one server, or a Cluster. */
export type RedisSource = ClusterNodes | OneServer;

export interface OneServer {
  readonly kind: 'one';
  readonly commands: Redis;
  /** Gives a connection that listens; it comes back by itself. */
  openSubscriber(): Redis;
}

/** What an edge hears by. */
export interface LiveEar {
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** The servers that it listens to; each must be heard. */
  posts(): readonly Post[];
  /** Replaces the connection to one of them: used when it is open but nothing is heard. */
  reconnect(post: Post): void;
  /** Begins to listen; gives back the stop. */
  start(): () => void;
}

/** A server that is listened to. */
export interface Post {
  /** For people: `host:port` in a Cluster. */
  readonly server: string;
  /** The name by which the edge speaks to itself through this server. */
  readonly name: string;
}

/** The commands of the stores. */
export function commandsOf(source: RedisSource): Commands {
  return source.kind === 'one' ? source.commands : clusterCommands(source);
}

/** The ear of an edge, which tells the listener what it hears. */
export function earOf(source: RedisSource, keys: Keys, edge: string, listener: LiveListener): LiveEar {
  if (source.kind === 'cluster') return new ClusterChannels(source, keys, edge, listener);
  const channels = new LiveChannels(source.openSubscriber(), keys, edge, listener);
  const post = { server: 'Redis', name: edge };
  return {
    subscribe: (topic) => channels.subscribe(topic),
    unsubscribe: (topic) => channels.unsubscribe(topic),
    posts: () => [post],
    reconnect: () => channels.reconnect(),
    start: () => channels.start(),
  };
}
