import { type ClientState, type SubscriptionStart, parseStart } from '@holdfast/broker/client-state';
import { type Position, laterOf } from '@holdfast/protocol/position-order';
import type { WelcomeTopic } from '@holdfast/protocol/down';
import { INBOX_TOPIC } from '@holdfast/protocol/topic-name';
import { type Authorizations, expiresIn } from '../client/authorization.ts';
import type { Connection } from './connection.ts';
import { resumedStory } from '../evidence/connection-evidence.ts';
import type { Topics } from '../topic/topics.ts';
import type { Inbox } from '../topic/inbox.ts';
import type { TimeSlicer } from '../schedule/slicer.ts';
import { deliveredName } from '../topic/delivered-name.ts';
import { Subscription } from '../topic/subscription.ts';
import type { Topic } from '../topic/topic.ts';

/** Where one topic of a connection starts. */
interface Start {
  name: string;
  /** Null for the client's inbox. */
  topic: Topic | null;
  start: SubscriptionStart;
  startPosition: Position;
  /** The last message that the client has, by its `resume`; null when that does not name the topic. */
  seen: Position | null;
  /** Null: the last message sent when the welcome goes out. */
  position: Position | null;
  recovered: boolean;
}

/** What a resuming client sent. */
export interface Resumption {
  /** The last message that it has, by topic. */
  positions: ReadonlyMap<string, Position>;
  /** The client as it was when its connection was claimed. */
  claimed: ClientState;
}

export interface AttachDeps {
  edge: string;
  heartbeatMs: number;
  topics: Topics;
  inbox: Inbox;
  slicer: TimeSlicer;
  authorizations: Authorizations;
}

/**
 * Subscribes a claimed connection to its topics: looks up where each one starts, then, in one tick, sends the welcome and
 * joins the topics, so that nothing falls between. Rejects when Redis does not answer.
 * @param resume null for a client that does not resume
 */
export async function attach(
  deps: AttachDeps,
  connection: Connection,
  client: ClientState,
  resume: Resumption | null,
): Promise<void> {
  const starts = [...client.topics].map(([name, start]): Start => {
    const { position: startPosition, incarnation } = parseStart(start);
    const topic = deps.topics.open(name, incarnation);
    return { name, topic, start, startPosition, seen: null, position: null, recovered: false };
  });
  try {
    // Without a resume, and with topics that are open, the welcome goes out within the tick of the handshake.
    const atOnce = resume === null && starts.every(({ topic }) => topic?.state === 'open');
    const found = atOnce ? starts : await Promise.all(starts.map((start) => judged(start, resume)));
    const own = resume === null ? ownEnd(client) : await ownStart(deps, connection, client, resume);
    const all = [...found.filter((start) => start !== null), own];
    const begin = () => beginAt(deps, connection, all, resume !== null);
    if (atOnce) begin();
    else await deps.slicer.run(begin);
    if (connection.phase !== 'open') return;
  } finally {
    for (const { topic } of starts) topic?.release();
  }
  if (connection.inboxPosition !== client.ownPosition) await deps.inbox.deliver(connection);
}

/** Sends the welcome and joins the topics, in one tick; not when the connection has ended meanwhile. */
function beginAt(deps: AttachDeps, connection: Connection, starts: readonly Start[], resumed: boolean): void {
  if (connection.phase !== 'attaching') return;
  if (resumed) {
    const unnamed = starts.filter(({ seen }) => seen === null);
    connection.story = resumedStory(unnamed.map(({ name }) => deliveredName(name)));
  }
  welcome(deps, connection, starts, resumed);
  connection.inboxPosition = starts.at(-1)?.position ?? connection.inboxPosition;
  if (!connection.begin(latestStart(starts))) return;
  // The state that it was attached by is old: it is sent nothing before the present one has been applied.
  if (connection.changedMeanwhile) connection.suspend();
  for (const start of starts) takeIn(connection, start);
  if (connection.identity?.client.token) deps.authorizations.update(connection);
}

/** Of the topics of which the client stated nothing. */
function latestStart(starts: readonly Start[]): number {
  const unstated = starts.filter(({ seen }) => seen === null);
  return Math.max(0, ...unstated.map((start) => Number.parseInt(startOf(start), 10)));
}

/** Where a topic starts on the connection. */
function startOf({ topic, startPosition, position }: Start): Position {
  return position ?? laterOf(topic?.lastSent ?? startPosition, startPosition);
}

function takeIn(connection: Connection, { topic, start, startPosition, position }: Start): void {
  if (topic === null) return;
  if (topic.state === 'gone') {
    // It ended while another one was being looked up.
    connection.sendControl({ type: 'unsubscribed', topic: deliveredName(topic.name), reason: 'topic-deleted' });
    return;
  }
  connection.subscribe(new Subscription(topic, connection, start, position ?? laterOf(topic.lastSent, startPosition)));
}

/** Where a topic starts, when it is open; null when it is gone. */
async function judged(start: Start, resume: Resumption | null): Promise<Start | null> {
  const { name, topic, startPosition } = start;
  if (topic === null || !(await topic.ready)) return null;
  if (resume === null) return start;
  const seen = resume.positions.get(deliveredName(name)) ?? null;
  if (seen === null) {
    const isNew = resume.claimed.topics.get(name) !== start.start;
    return isNew ? { ...start, position: startPosition } : start;
  }
  const verdict = await topic.judge(seen, startPosition);
  return verdict && { ...start, seen, ...verdict };
}

async function ownStart(
  { inbox }: AttachDeps,
  connection: Connection,
  client: ClientState,
  { positions, claimed }: Resumption,
): Promise<Start> {
  const seen = positions.get(INBOX_TOPIC) ?? null;
  // What came since the handshake is for this connection.
  if (seen === null) return ownEnd(claimed);
  const verdict = await inbox.judge(connection, seen, client.ownPosition);
  return { ...ownEnd(client), seen, ...verdict };
}

function ownEnd({ ownPosition: position }: ClientState): Start {
  return { name: INBOX_TOPIC, topic: null, start: '', startPosition: position, seen: null, position, recovered: false };
}

function welcome(deps: AttachDeps, connection: Connection, starts: readonly Start[], resumed: boolean): void {
  const topics = starts.map((start): [string, WelcomeTopic] => {
    const { name, recovered } = start;
    const position = startOf(start);
    return [deliveredName(name), resumed ? { position, recovered } : { position }];
  });
  connection.sendControl({
    type: 'welcome',
    connection: `${deps.edge}-${connection.id}`,
    heartbeatMs: deps.heartbeatMs,
    // Not by assignment: a topic may be called `__proto__`.
    topics: Object.fromEntries(topics),
    ...(connection.identity && expiresIn(connection.identity.client)),
  });
  for (const { name, seen, position, recovered } of starts) {
    if (seen === null || recovered || position === null) continue;
    connection.announceLost(name, seen, position);
  }
}
