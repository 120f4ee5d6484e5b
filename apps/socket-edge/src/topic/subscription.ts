import type { SubscriptionStart } from '@holdfast/broker/client-state';
import type { Position } from '@holdfast/protocol/position-order';
import type { Connection } from '../connection/connection.ts';
import type { TopicFeed } from './topic.ts';

/** Not in the list of those who receive at once. */
export const NOT_LIVE = -1;

/**
 * One connection's share in one topic. While it is live it has received everything up to the feed's head; while it is
 * behind, everything up to its own position.
 */
export class Subscription {
  readonly feed: TopicFeed;
  readonly connection: Connection;
  /** As the client has it: with another start it is another subscription. */
  readonly start: SubscriptionStart;
  /** Where it stands while it is behind. */
  position: Position;
  /** Its place among the live ones, or NOT_LIVE. */
  liveIndex = NOT_LIVE;
  /** A read of the log for it is under way. */
  reading = false;
  /** It has left. */
  ended = false;

  constructor(feed: TopicFeed, connection: Connection, start: SubscriptionStart, position: Position) {
    this.feed = feed;
    this.connection = connection;
    this.start = start;
    this.position = position;
  }

  /** The last id it was given. */
  get reached(): Position {
    return this.liveIndex === NOT_LIVE ? this.position : this.feed.audience.reached(this);
  }
}
