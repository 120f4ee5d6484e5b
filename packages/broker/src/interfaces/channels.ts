import type { PusherApp } from '@holdfast/protocol/pusher-app';
import type { Position } from '@holdfast/protocol/position-order';
import type { TopicState } from '../topics/state.ts';

/**
 * Channels of the Pusher door: topics whose names `channelTopic` makes. They are made by the first edge or publish that
 * needs them, and expire by themselves when for two minutes no edge has them and nothing is published.
 */

/** An event on a channel: the JSON text of the frame that subscribers get, as it is. */
export interface ChannelEvent {
  frame: Buffer;
  /** The socket id of the connection that does not get it. */
  except?: string;
  /** Whether it is kept as the channel's last event, for new subscribers of a cache channel. */
  cached?: boolean;
}

/** The last event of a cache channel. */
export interface CachedEvent {
  id: Position;
  frame: Buffer;
  /** Milliseconds for which it is kept. */
  ttlMs: number;
}

export interface OpenChannel {
  state: TopicState;
  /** Null when there is none. */
  cached: CachedEvent | null;
}

/** An app of the Pusher door, as control-api makes it known to edges. */
export type KnownApp = PusherApp & {
  /** The id of the API key that it belongs to. */
  apiKey: string;
};

/** What both services do with channels. */
export interface ChannelPublishing {
  /** Appends to the channel's log and publishes to the edges, in one step; a channel that is not there is made. */
  publishToChannel(topic: string, event: ChannelEvent): Promise<Position>;
}

/** What edges do with channels. */
export interface EdgeChannels extends ChannelPublishing {
  /**
   * The channel as it is now, made if it is not there.
   * @param presence what it is made with; one that is there keeps its own
   */
  openChannel(topic: string, presence: TopicState['presence']): Promise<OpenChannel>;
  /**
   * The app with this public key. `unknown`: control-api has none. `none`: Redis has no apps at all, as no control-api has
   * written any (yet).
   */
  readApp(key: string): Promise<KnownApp | 'unknown' | 'none'>;
  /**
   * Writes how many subscribers the edge has on a channel, and publishes how many all edges have. Only for apps that
   * want to have them counted, or whose webhooks do. Gives the sum; null: nothing was done, as it is not written yet that
   * the edge has the channel (`changeOccupancy`), and it is to be called again a moment later.
   * @param publish whether subscribers are sent the sum
   */
  countSubscribers(topic: string, edge: string, count: number, publish: boolean): Promise<number | null>;
  /** Whether webhooks want events of this type on the channel. */
  isChannelEventWanted(topic: string, type: ChannelEventType): boolean;
  /** Writes an event for webhooks, if it is wanted. `data` has no field `topic`. */
  writeChannelEvent(topic: string, type: ChannelEventType, data: Readonly<Record<string, unknown>>): Promise<void>;
}

/** Events that only channels have, as they are stored. Occupancy and members have those of topics. */
export type ChannelEventType = 'channel.cache-miss' | 'channel.client-event' | 'channel.subscription-count';

/** All events that are written of channels. Those of topics have `topic` in their data, `!<app id>!<channel>`. */
export type EventOfChannel = ChannelEventType | 'topic.occupied' | 'topic.vacated' | 'member.joined' | 'member.left';

/** For each type that is wanted of channels the ids of the apps. */
export type WantedOfChannels = Partial<Record<EventOfChannel, readonly string[]>>;

/** What is known of a channel. */
export interface ChannelState {
  /** Whether a live edge has a subscriber. */
  occupied: boolean;
  /** Members of a presence channel. */
  users: number;
  cached: CachedEvent | null;
}

/** What control-api does with channels. Subscribers are counted with `surveySubscribers`, users read with `readPresence`. */
export interface ControlChannels extends ChannelPublishing {
  /** In the order given. */
  readChannels(topics: readonly string[]): Promise<ChannelState[]>;
  /**
   * The names of the occupied channels of an app that begin with `prefix`, in order. Without those of users. Null: edges
   * have more than `most` of them.
   */
  listChannels(appId: string, prefix: string, most: number): Promise<string[] | null>;
  /**
   * Ends the connections that are signed in as a user, at the edges that are subscribed at this moment.
   * @returns how many live edges have the user's channel and were not notified: it is to be called again a moment later
   */
  terminateConnections(appId: string, user: string): Promise<{ missed: number }>;
  /**
   * Makes the apps of this process known to edges; to be called every few seconds. Those that no process has written for a
   * minute are forgotten, by the first that writes. Without apps nothing is written until there were some; a day after the
   * last of them nothing is left.
   * @param removed public keys of apps that this process had and has no more: forgotten at once
   */
  writeApps(apps: readonly KnownApp[], removed: readonly string[]): Promise<void>;
}
