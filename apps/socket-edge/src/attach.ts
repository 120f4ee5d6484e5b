import type { ClientState } from '@holdfast/broker/client-state';
import { BEGINNING, type Position, comparePositions, laterOf } from '@holdfast/protocol/position-order';
import type { WelcomeTopic } from '@holdfast/protocol/messages/welcome';
import { OWN_TOPIC } from '@holdfast/protocol/topic-name';
import type { Connection } from './connection.ts';
import type { Feeds } from './feeds.ts';
import type { OwnTopic } from './own-topic.ts';
import type { Pace } from './pace.ts';
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
  pace: Pace;
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
  const begins = feeds.map(({ topic }) => client.topics.get(topic) ?? BEGINNING);
  try {
    // Who does not resume, and has topics that are heard, is welcomed within the tick of its handshake.
    const atOnce = positions === null && feeds.every(({ state }) => state === 'open');
    const found = atOnce
      ? feeds.map((feed, index) => endOf(feed, begins[index] ?? BEGINNING))
      : await Promise.all(
          feeds.map((feed, index) => startOf(feed, begins[index] ?? BEGINNING, positions?.get(feed.topic) ?? null)),
        );
    const own = positions === null ? ownEnd(client) : await ownStart(world, client, positions.get(OWN_TOPIC) ?? null);
    const starts = [...found.filter((start) => start !== null), own];
    const begin = () => beginAt(world, connection, starts, positions !== null);
    if (atOnce) begin();
    else await world.pace.run(begin);
    if (connection.phase !== 'open') return;
  } finally {
    for (const feed of feeds) feed.release();
  }
  if (connection.ownPosition !== client.ownPosition) await world.ownTopic.deliver(connection);
}

/** Says welcome and takes the connection in, in one tick; not when it has ended meanwhile. */
function beginAt(world: AttachWorld, connection: Connection, starts: readonly Start[], resumed: boolean): void {
  if (connection.phase !== 'attaching') return;
  welcome(world, connection, starts, resumed);
  connection.ownPosition = starts.at(-1)?.position ?? connection.ownPosition;
  if (!connection.begin()) return;
  for (const start of starts) takeIn(connection, start);
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
  const end = endOf(feed, begin);
  if (end === null || seen === null) return end;
  // What was said before the subscription began was not for this client.
  const verdict = await feed.judge(laterOf(seen, begin));
  return verdict && { ...end, seen, ...verdict };
}

/** At the present end of a topic that is heard. */
function endOf(feed: TopicFeed, begin: Position): Start | null {
  // A subscription to a deleted topic of the same name: nobody wants the new one until somebody says so.
  if (comparePositions(begin, feed.born) < 0) return null;
  return { topic: feed.topic, feed, begin, seen: null, position: null, recovered: false };
}

async function ownStart({ ownTopic }: AttachWorld, client: ClientState, seen: Position | null): Promise<Start> {
  const end = ownEnd(client);
  const verdict = seen === null ? null : await ownTopic.judge(client.clientId, seen, client.ownPosition);
  return { ...end, seen, ...verdict };
}

function ownEnd({ ownPosition }: ClientState): Start {
  return { topic: OWN_TOPIC, feed: null, begin: ownPosition, seen: null, position: ownPosition, recovered: false };
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
