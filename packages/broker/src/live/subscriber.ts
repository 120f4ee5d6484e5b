import { type SubscriberSource, subscriberOf } from '@holdfast/redis/redis';
import type { SubscribedServer } from '@holdfast/redis/subscriber';
import type { Keys } from '../keys.ts';
import { type LivePayload, decodeLive } from './payload.ts';

/** What an edge receives on its subscriber connections. Everything is called from one tick to the next, never nested. */
export interface LiveListener {
  /** A message on a topic's channel. */
  onTopic(topic: string, payload: LivePayload): void;
  /** A message on the edge's own channel. */
  onOwn(payload: LivePayload): void;
  /** There may be clients in the dirty set. */
  onDoorbell(): void;
  /** Redis confirmed these subscriptions, for the first time or again: what came before may have been missed. */
  onHearing(topics: readonly string[]): void;
  /** A connection is gone: messages of a topic before its `onHearing` may have gaps before them. */
  onDeaf(): void;
}

/** The live channels of an edge: those of its topics, its own, and the wake-ups by its dirty set. */
export interface LiveEar {
  /** `onHearing` follows when Redis has confirmed the subscription. */
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** The servers at which the edge is subscribed; a message must come through each. */
  posts(): readonly Post[];
  /** Replaces the connection to one of them: used when it is open but receives nothing. */
  reconnect(post: Post): void;
  /** Begins to receive; gives back the stop. */
  start(): () => void;
}

export type Post = SubscribedServer;

export function earOf(source: SubscriberSource, keys: Keys, edge: string, listener: LiveListener): LiveEar {
  const subscriber = subscriberOf(source, {
    listener: {
      onMessage: (topic, payload) => listener.onTopic(topic, decodeLive(payload)),
      onOwn: (payload) => listener.onOwn(decodeLive(payload)),
      onKeyEvent: () => listener.onDoorbell(),
      onSubscribed: (topics) => listener.onHearing(topics),
      onDisconnected: () => listener.onDeaf(),
    },
    name: edge,
    channelOf: keys.edgeLive,
    watchedKey: keys.edgeDirty(edge),
  });
  return {
    subscribe: (topic) => subscriber.subscribe(keys.topicLive(topic), topic),
    unsubscribe: (topic) => subscriber.unsubscribe(keys.topicLive(topic)),
    posts: () => subscriber.servers(),
    reconnect: (post) => subscriber.reconnect(post),
    start: () => subscriber.start(),
  };
}
