import { type ClientState, type SubscriptionStart, parseStart } from '@holdfast/broker/client-state';
import { type Position, laterOf } from '@holdfast/protocol/position-order';
import type { WelcomeTopic } from '@holdfast/protocol/messages/welcome';
import { OWN_TOPIC } from '@holdfast/protocol/topic-name';
import type { Connection } from './connection.ts';
import type { Topics } from '../topic/topics.ts';
import type { Inbox } from '../topic/inbox.ts';
import type { TimeSlicer } from '../schedule/slicer.ts';
import { Subscription } from '../topic/subscription.ts';
import type { Topic } from '../topic/topic.ts';

/** Where one topic of a connection starts. */
interface Start {
  topic: string;
  /** Null for the client's own topic. */
  feed: Topic | null;
  start: SubscriptionStart;
  begin: Position;
  /** What the client said it saw last; null when it said nothing. */
  seen: Position | null;
  /** Null: at the present end, whatever that is when the welcome goes out. */
  position: Position | null;
  recovered: boolean;
}

/** What a resuming client sent. */
export interface Resumption {
  /** What it saw last, by topic. */
  positions: ReadonlyMap<string, Position>;
  /** The client as it was when its connection was claimed. */
  claimed: ClientState;
}

export interface AttachDeps {
  edge: string;
  heartbeatMs: number;
  feeds: Topics;
  inbox: Inbox;
  slicer: TimeSlicer;
}

/**
 * Brings a claimed connection to its topics: finds out where each one starts, then, in one tick, says welcome and takes
 * it in, so that nothing falls between. Rejects when Redis does not answer.
 * @param resume null for a client that does not resume
 */
export async function attach(
  world: AttachDeps,
  connection: Connection,
  client: ClientState,
  resume: Resumption | null,
): Promise<void> {
  const starts = [...client.topics].map(([topic, start]): Start => {
    const { position: begin, incarnation } = parseStart(start);
    const feed = world.feeds.open(topic, incarnation);
    return { topic, feed, start, begin, seen: null, position: null, recovered: false };
  });
  try {
    // Who does not resume, and has topics that are heard, is welcomed within the tick of its handshake.
    const atOnce = resume === null && starts.every(({ feed }) => feed?.state === 'open');
    const found = atOnce ? starts : await Promise.all(starts.map((start) => judged(start, resume)));
    const own = resume === null ? ownEnd(client) : await ownStart(world, connection, client, resume);
    const all = [...found.filter((start) => start !== null), own];
    const begin = () => beginAt(world, connection, all, resume !== null);
    if (atOnce) begin();
    else await world.slicer.run(begin);
    if (connection.phase !== 'open') return;
  } finally {
    for (const { feed } of starts) feed?.release();
  }
  if (connection.ownPosition !== client.ownPosition) await world.inbox.deliver(connection);
}

/** Says welcome and takes the connection in, in one tick; not when it has ended meanwhile. */
function beginAt(world: AttachDeps, connection: Connection, starts: readonly Start[], resumed: boolean): void {
  if (connection.phase !== 'attaching') return;
  welcome(world, connection, starts, resumed);
  connection.ownPosition = starts.at(-1)?.position ?? connection.ownPosition;
  if (!connection.begin()) return;
  // The state that it was attached by is old: it is sent nothing before the present one has been applied.
  if (connection.changedMeanwhile) connection.suspend();
  for (const start of starts) takeIn(connection, start);
}

function takeIn(connection: Connection, { feed, start, begin, position }: Start): void {
  if (feed === null) return;
  if (feed.state === 'gone') {
    // It ended while another one was being looked up.
    connection.sendControl({ type: 'unsubscribed', topic: feed.topic, reason: 'topic-deleted' });
    return;
  }
  connection.subscribe(new Subscription(feed, connection, start, position ?? laterOf(feed.head, begin)));
}

/** Where a topic starts when it is known where it stands; null when it is gone. */
async function judged(start: Start, resume: Resumption | null): Promise<Start | null> {
  const { topic, feed, begin } = start;
  if (feed === null || !(await feed.ready)) return null;
  if (resume === null) return start;
  const seen = resume.positions.get(topic) ?? null;
  if (seen === null) {
    const isNew = resume.claimed.topics.get(topic) !== start.start;
    return isNew ? { ...start, position: begin } : start;
  }
  const verdict = await feed.judge(seen, begin);
  return verdict && { ...start, seen, ...verdict };
}

async function ownStart(
  { inbox }: AttachDeps,
  connection: Connection,
  client: ClientState,
  { positions, claimed }: Resumption,
): Promise<Start> {
  const seen = positions.get(OWN_TOPIC) ?? null;
  // What came since the handshake is for this connection.
  if (seen === null) return ownEnd(claimed);
  const verdict = await inbox.judge(connection, seen, client.ownPosition);
  return { ...ownEnd(client), seen, ...verdict };
}

function ownEnd({ ownPosition: position }: ClientState): Start {
  return { topic: OWN_TOPIC, feed: null, start: '', begin: position, seen: null, position, recovered: false };
}

function welcome(world: AttachDeps, connection: Connection, starts: readonly Start[], resumed: boolean): void {
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
    connection.announceLost(topic, seen, position);
  }
}
