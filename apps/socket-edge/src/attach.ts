import type { ClientState } from '@holdfast/broker/client-state';
import { BEGINNING, type Position, comparePositions, laterOf } from '@holdfast/protocol/position-order';
import type { WelcomeTopic } from '@holdfast/protocol/messages/welcome';
import { OWN_TOPIC } from '@holdfast/protocol/topic-name';
import type { Connection } from './connection.ts';
import type { Feeds } from './feeds.ts';
import type { OwnTopic } from './own-topic.ts';
import { Subscription } from './subscription.ts';
import type { TopicFeed } from './topic-feed.ts';

/** Where one topic of a connection starts. */
interface Start {
  topic: string;
  /** Null for the client's own topic. */
  feed: TopicFeed | null;
  begin: Position;
  /** What the client said it saw last; null when it said nothing. */
  seen: Position | null;
  /** Null: at the present end, whatever that is when the welcome goes out. */
  position: Position | null;
  recovered: boolean;
}

export interface AttachWorld {
  edge: string;
  heartbeatMs: number;
  feeds: Feeds;
  ownTopic: OwnTopic;
}

/**
 * Brings a claimed connection to its topics: finds out where each one starts, then, in one tick, says welcome and takes
 * it in, so that nothing falls between. `positions` is what a resuming client saw last, null for one that does not.
 * Rejects when Redis does not answer.
 */
export async function attach(
  world: AttachWorld,
  connection: Connection,
  client: ClientState,
  positions: ReadonlyMap<string, Position> | null,
): Promise<void> {
  const feeds = [...client.topics.keys()].map((topic) => world.feeds.open(topic));
  try {
    const found = await Promise.all(
      feeds.map((feed) =>
        startOf(feed, client.topics.get(feed.topic) ?? BEGINNING, positions?.get(feed.topic) ?? null),
      ),
    );
    const own = await ownStart(world, client, positions?.get(OWN_TOPIC) ?? null);
    if (connection.phase !== 'attaching') return;
    const starts = found.filter((start) => start !== null);
    welcome(world, connection, [...starts, own], positions !== null);
    connection.ownPosition = own.position ?? client.ownPosition;
    connection.phase = 'open';
    for (const start of starts) takeIn(connection, start);
  } finally {
    for (const feed of feeds) feed.release();
  }
  if (connection.ownPosition !== client.ownPosition) await world.ownTopic.deliver(connection);
}

function takeIn(connection: Connection, { feed, begin, position }: Start): void {
  if (feed === null) return;
  if (feed.state === 'gone') {
    // It ended while another one was being looked up.
    connection.sendControl({ type: 'unsubscribed', topic: feed.topic, reason: 'topic-deleted' });
    return;
  }
  connection.subscribe(new Subscription(feed, connection, begin, position ?? laterOf(feed.head, begin)));
}

async function startOf(feed: TopicFeed, begin: Position, seen: Position | null): Promise<Start | null> {
  if (!(await feed.ready)) return null;
  // A subscription to a deleted topic of the same name: nobody wants the new one until somebody says so.
  if (comparePositions(begin, feed.born) < 0) return null;
  const { topic } = feed;
  if (seen === null) return { topic, feed, begin, seen, position: null, recovered: false };
  // What was said before the subscription began was not for this client.
  const verdict = await feed.judge(laterOf(seen, begin));
  return verdict && { topic, feed, begin, seen, ...verdict };
}

async function ownStart({ ownTopic }: AttachWorld, client: ClientState, seen: Position | null): Promise<Start> {
  const start = { topic: OWN_TOPIC, feed: null, begin: client.ownPosition, seen };
  const verdict = seen === null ? null : await ownTopic.judge(client.clientId, seen, client.ownPosition);
  return { ...start, position: client.ownPosition, recovered: false, ...verdict };
}

function welcome(world: AttachWorld, connection: Connection, starts: readonly Start[], resumed: boolean): void {
  const topics = starts.map(({ topic, feed, begin, position, recovered }): [string, WelcomeTopic] => {
    const from = position ?? laterOf(feed?.head ?? begin, begin);
    return [topic, resumed ? { position: from, recovered } : { position: from }];
  });
  connection.sendControl({
    type: 'welcome',
    connection: `${world.edge}-${connection.id}`,
    heartbeatMs: world.heartbeatMs,
    // Not by assignment: a topic may be called `__proto__`.
    topics: Object.fromEntries(topics),
  });
  for (const { topic, seen, position, recovered } of starts) {
    if (seen === null || recovered || position === null) continue;
    connection.sendControl({ type: 'lost', topic, after: seen, position });
  }
}
