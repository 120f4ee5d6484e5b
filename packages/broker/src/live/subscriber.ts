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
  onWakeUp(): void;
  /** Redis confirmed these subscriptions, for the first time or again: what came before may have been missed. */
  onSubscribed(topics: readonly string[]): void;
  /** The connection for these topics is gone: messages of a topic before its `onSubscribed` may have gaps before them. */
  onDisconnected(topics: readonly string[]): void;
}

/** The live channels of an edge: those of its topics, its own, and the wake-ups by its dirty set. */
export interface LiveSubscriber {
  /** `onSubscribed` follows when Redis has confirmed the subscription. */
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** The servers at which the edge is subscribed; a message must come through each. */
  servers(): readonly LiveServer[];
  /** Replaces the connection to one of them: used when it is open but receives nothing. */
  reconnect(server: LiveServer): void;
  /** Begins to receive; gives back the stop. */
  start(): () => void;
}

export type LiveServer = SubscribedServer;

export function liveSubscriber(
  source: SubscriberSource,
  keys: Keys,
  edge: string,
  listener: LiveListener,
): LiveSubscriber {
  const subscriber = subscriberOf(source, {
    listener: {
      onMessage: (topic, payload) => listener.onTopic(topic, decodeLive(payload)),
      onOwn: (payload) => listener.onOwn(decodeLive(payload)),
      onKeyEvent: () => listener.onWakeUp(),
      onSubscribed: (topics) => listener.onSubscribed(topics),
      onDisconnected: (topics) => listener.onDisconnected(topics),
    },
    name: edge,
    channelOf: keys.edgeLive,
    watchedKey: keys.edgeDirty(edge),
  });
  return {
    subscribe: (topic) => subscriber.subscribe(keys.topicLive(topic), topic),
    unsubscribe: (topic) => subscriber.unsubscribe(keys.topicLive(topic)),
    servers: () => subscriber.servers(),
    reconnect: (server) => subscriber.reconnect(server),
    start: () => subscriber.start(),
  };
}
