import type { ClientEvidence, ServedClient } from '@holdfast/broker/broker';
import { type ClientState, type Owner, closedRanges, connectionName, parseStart } from '@holdfast/broker/client-state';
import type { PastConnection } from '@holdfast/broker/evidence';
import type { LogPage } from '@holdfast/broker/topic-state';
import { userTopic } from '@holdfast/broker/user-topic';
import type { DisconnectReason } from '@holdfast/protocol/events';
import type { Position } from '@holdfast/protocol/position-order';
import { INBOX_TOPIC, USER_TOPIC } from '@holdfast/protocol/topic-name';
import { CLOCK_MARGIN_MS } from './clocks.ts';
import { isConnected } from '../clients/subscriptions.ts';
import type { Services } from '../services.ts';
import { noSuchTopic } from '../topics/topic-states.ts';

/** A subscription that has ended: what was published after `begin`, up to `end`, was for the client. */
export interface EndedRange {
  begin: Position;
  end: Position;
  /** When it ended, in milliseconds since the epoch. */
  at: number;
  /** Whether an edge has handled its end: has written all of it, or announced it as lost. */
  handled: boolean;
}

/** The connection that the client has now. */
export type PresentConnection =
  | { kind: 'none' }
  /** Its edge lives, and did not answer. */
  | { kind: 'silent'; edge: string; generation: number }
  | { kind: 'served'; edge: string; served: ServedClient };

/** All that is known of one message and one client. */
export interface Facts {
  /** As in frames. */
  topic: string;
  id: Position;
  /** Milliseconds since the epoch. */
  now: number;
  log: Pick<LogPage, 'start' | 'last' | 'firstPrev' | 'contains'>;
  registeredAt: number;
  /** Where the present subscription began; null: there is none. */
  begin: Position | null;
  ended: readonly EndedRange[];
  past: readonly PastConnection[];
  present: PresentConnection;
  /** The last connection of the client: its generation, 0 for none, and when it had ended at the latest, if it has. */
  last: { generation: number; endedAt: number };
  /** Subscriptions that ended until then, in milliseconds since the epoch, may not have been noted; 0: each has been. */
  unnotedUntil: number;
  /** Older ended subscriptions, or connections, may be forgotten. */
  endedIsCut: boolean;
  pastIsCut: boolean;
  /** Times of claims and ids of messages are from one clock. */
  oneClock: boolean;
}

type Reading = Pick<Services, 'broker'>;

/**
 * Asks everywhere what is known of a message and a client.
 * @param topic as in frames
 * @throws {ProblemError} topic-not-found; of `@user` when the client has no user
 */
export async function gatherFacts(
  { broker }: Reading,
  client: ClientState,
  topic: string,
  id: Position,
): Promise<Facts> {
  const { clientId } = client;
  const stored = storedName(client, topic);
  // What the edge serves, before what was noted: a connection that ends in between is in one of the two.
  const answered = await askEdge({ broker }, client);
  const [log, evidence] = await Promise.all([
    stored === null ? broker.readClientLog(clientId, id, 1) : broker.readLog(stored, id, 1),
    broker.readEvidence(clientId),
  ]);
  if (log === null) throw noSuchTopic(topic);
  return {
    topic,
    id,
    now: Date.now(),
    log,
    registeredAt: client.registeredAt,
    begin: stored === null ? log.start : beginOf(client, stored, log),
    ended: stored === null ? [] : endedSubscriptions(client, evidence, stored, log),
    past: pastConnections(client, evidence, answered.unnoted),
    present: answered.present,
    last: { generation: client.lastGeneration, endedAt: client.since },
    unnotedUntil: unnotedUntil(client, evidence),
    endedIsCut: evidence.leftIsCut,
    pastIsCut: evidence.pastIsCut,
    oneClock: evidence.oneClock,
  };
}

/** The name under which a topic is kept; null for the client's own. */
function storedName({ identity }: ClientState, topic: string): string | null {
  if (topic === INBOX_TOPIC) return null;
  if (topic !== USER_TOPIC) return topic;
  if (identity.user === null) throw noSuchTopic(topic);
  return userTopic(identity.user);
}

function beginOf({ topics }: ClientState, topic: string, { incarnation }: LogPage): Position | null {
  const start = parseStart(topics.get(topic) ?? '');
  return start.incarnation === incarnation ? start.position : null;
}

function endedSubscriptions(
  { closed }: ClientState,
  { left }: ClientEvidence,
  topic: string,
  { incarnation }: LogPage,
): EndedRange[] {
  const waiting = closedRanges(closed.get(topic) ?? '').filter((range) => range.incarnation === incarnation);
  const notes = left.filter((one) => one.topic === topic && one.incarnation === incarnation);
  const noteOf = (begin: Position) => notes.find((one) => one.begin === begin);
  return [
    ...waiting.map(({ begin, end }) => ({ begin, end, at: noteOf(begin)?.at ?? Date.now(), handled: false })),
    ...notes
      .filter(({ begin }) => !waiting.some((range) => range.begin === begin))
      .map(({ begin, end, at }) => ({ begin, end, at, handled: true })),
  ];
}

/** Each subscription that ended has a number: until when one ended of which there is no note, that there should be. */
function unnotedUntil({ ended }: ClientState, { left, leftIsCut }: ClientEvidence): number {
  let expected = ended.count;
  let until = ended.lastAt;
  for (const { number, previousAt } of left.toSorted((a, b) => b.number - a.number)) {
    if (number !== expected) return until;
    expected -= 1;
    until = previousAt;
  }
  return expected > 0 && !leftIsCut ? until : 0;
}

/** A connection that has ended, of which there may be no note yet. */
type Unnoted = Omit<PastConnection, 'to'>;

/** In the order in which they were. */
function pastConnections(
  { registeredAt, incarnation }: ClientState,
  { past }: ClientEvidence,
  unnoted: Unnoted | null,
): PastConnection[] {
  // Of what others have noted only the times tell, which are of several clocks: one too many makes a verdict unknown at most.
  const known = past.filter((one) =>
    one.incarnation === undefined ? one.to >= registeredAt - CLOCK_MARGIN_MS : one.incarnation === incarnation,
  );
  if (unnoted !== null && !known.some(({ generation }) => generation === unnoted.generation)) {
    known.push({ ...unnoted, to: Date.now() });
  }
  return known.toSorted((a, b) => a.generation - b.generation);
}

async function askEdge(
  { broker }: Reading,
  client: ClientState,
): Promise<{ present: PresentConnection; unnoted: Unnoted | null }> {
  const { owner, goneOwner, clientId } = client;
  const died = goneOwner ?? owner;
  if (owner === null || !(await isConnected(broker, client))) {
    return { present: { kind: 'none' }, unnoted: died && unknownEnd(died, 'edge-died') };
  }
  const served = await broker.surveyServed(owner.edge, clientId);
  if (served === undefined) return { present: { kind: 'silent', ...owner }, unnoted: null };
  if (served === null || served.generation < owner.generation) {
    return { present: { kind: 'none' }, unnoted: unknownEnd(owner, 'lost') };
  }
  const { story, connection, generation, doubtfulMs = 0 } = served;
  if (story !== undefined && 'upTo' in story) {
    // Its socket is being closed.
    const ended = {
      edge: owner.edge,
      generation,
      connection,
      reason: 'closed',
      end: { ...story, doubtfulMs },
    } as const;
    return { present: { kind: 'none' }, unnoted: ended };
  }
  return { present: { kind: 'served', edge: owner.edge, served }, unnoted: null };
}

function unknownEnd({ edge, generation }: Owner, reason: DisconnectReason): Unnoted {
  return { edge, generation, connection: connectionName(generation), reason, end: null };
}
