import type { ServedClient } from '@holdfast/broker/broker';
import type { ConnectionEnd, ConnectionStory, LostRange } from '@holdfast/broker/evidence';
import { type CloseCode, closeCodes } from '@holdfast/protocol/close-codes';
import type { DisconnectReason } from '@holdfast/protocol/events';
import { type Position, comparePositions } from '@holdfast/protocol/position-order';
import type { Phase } from '../connection/sender.ts';
import { deliveredName } from '../topic/delivered-name.ts';
import type { Arrivals } from './arrivals.ts';
import type { Transport } from '../transport/transport.ts';
import { NOT_LIVE, type Subscription } from '../topic/subscription.ts';

/** Topics of which it is kept how far they got: those with messages in the last seconds, mostly none. */
const MAX_REACHED = 8;

/** Of each kind that is kept of a connection: what is more is only known to be more. */
const MAX_KEPT = 8;
/** A message that is published before a claim, and comes after the welcome, is so much older at most. */
const MAX_AHEAD_MS = 60_000;

const NOTHING = { unnamed: [], stated: [], lost: [], cut: false } as const;
/** The same objects for nearly all connections. */
export const NOT_RESUMED: ConnectionStory = Object.freeze({ resumed: false, ...NOTHING });
const RESUMED: ConnectionStory = Object.freeze({ resumed: true, ...NOTHING });

/** How a connection ended that the edge closed with one of these; any other is `closed`. */
const reasons: Partial<Record<CloseCode['code'], DisconnectReason>> = {
  [closeCodes.restarting.code]: 'drained',
  [closeCodes.expired.code]: 'expired',
  [closeCodes.tooSlow.code]: 'slow',
  [closeCodes.replaced.code]: 'replaced',
  [closeCodes.unregistered.code]: 'unregistered',
};

/** A connection, its subscriptions still with it. */
export interface KnownConnection {
  readonly id: string;
  readonly generation: number;
  readonly follows: number | null;
  readonly story: ConnectionStory;
  readonly openedMs: number | null;
  readonly subscriptions: { values(): Iterable<Subscription> };
  /** Too much waits for its socket. */
  readonly congested: boolean;
  /** 0 while its client's state may not be wholly applied. */
  readonly digest: number;
  readonly incarnation: string;
  readonly inboxPosition: Position;
  readonly transport: { readonly bufferedBytes: number };
}

interface SignsOfLife {
  /** Pings since anything was received. */
  readonly unanswered: number;
  readonly phase: Phase;
  readonly endReason: DisconnectReason;
}

/** Of a connection that resumed. @param seen the position that it stated of each of its topics; null: none */
export function resumedStory(seen: readonly (readonly [topic: string, position: Position | null])[]): ConnectionStory {
  if (seen.length === 0) return RESUMED;
  const unnamed = seen.filter(([, position]) => position === null).map(([topic]) => topic);
  const stated = seen.filter((one): one is readonly [string, Position] => one[1] !== null);
  return {
    ...RESUMED,
    unnamed: unnamed.slice(0, MAX_KEPT),
    stated: stated.slice(0, MAX_KEPT),
    cut: unnamed.length > MAX_KEPT,
  };
}

/** With something more that was announced as lost; the newest are kept. */
export function withLost(story: ConnectionStory, range: LostRange): ConnectionStory {
  const lost = [...story.lost, range];
  return { ...story, lost: lost.slice(-MAX_KEPT), cut: story.cut || lost.length > MAX_KEPT };
}

/**
 * From how long after its claim on messages come live to a connection that is being welcomed, in milliseconds.
 * @param claimSentAt in milliseconds of the monotonic clock
 * @param latestStart as of `Connection.begin`
 */
export function openedAfterMs({ id, story }: KnownConnection, claimSentAt: number, latestStart: number): number {
  const took = Math.ceil(performance.now()) - claimSentAt;
  const claimedAt = Math.floor(Number.parseInt(id, 36) / 1000);
  return Math.max(story.resumed ? 0 : -MAX_AHEAD_MS, Math.min(took, latestStart - claimedAt));
}

function servedClient(connection: KnownConnection): ServedClient {
  const { id, generation, follows, story, openedMs, inboxPosition, transport, subscriptions } = connection;
  const topics = reachedOf([...subscriptions.values()]);
  return {
    connection: id,
    generation,
    follows,
    story,
    openedMs,
    inbox: inboxPosition,
    waitingBytes: transport.bufferedBytes,
    topics,
  };
}

/** A socket whose client does not answer the close frame is cut after so long, and a little. */
const MAX_CLOSING_MS = 6000;

/**
 * For how long before the end, or by now, what was written may not have arrived: the client has not answered since the last
 * sign of life, or a close frame since.
 */
export function doubtfulMs({ unanswered, phase, endReason }: SignsOfLife, heartbeatMs: number): number {
  const closingMs = phase === 'closed' && endReason !== 'lost' ? MAX_CLOSING_MS : 0;
  return (unanswered + 1) * heartbeatMs + closingMs;
}

/** What its edge answers to a survey: nothing of it is in doubt when the client answers a ping that was sent after it. */
export async function surveyedClient(
  connection: KnownConnection & SignsOfLife & { readonly transport: Transport },
  arrivals: Arrivals,
  heartbeatMs: number,
): Promise<ServedClient> {
  const then = servedClient(connection);
  const isOpen = connection.phase === 'open' && !connection.congested;
  if (isOpen && (await arrivals.confirm(connection))) return { ...then, doubtfulMs: 0 };
  return { ...servedClient(connection), doubtfulMs: doubtfulMs(connection, heartbeatMs) };
}

/** How a connection ended that the edge has closed. */
export function closedReason({ code }: CloseCode): DisconnectReason {
  return reasons[code] ?? 'closed';
}

/** What is known of a connection as it ends. */
export function connectionEnd(connection: KnownConnection): ConnectionEnd {
  const { story, openedMs, follows, congested, digest, incarnation, inboxPosition } = connection;
  const { resumed, unnamed, stated, lost, cut } = story;
  const end = { resumed, unnamed, stated, lost, cut, openedMs, doubtfulMs: 0, follows };
  // What of it the socket took is not known.
  if (congested) return { ...end, upTo: null, reached: {}, reachedCut: true, inbox: inboxPosition };
  const subscriptions = [...connection.subscriptions.values()];
  const upTo = digest === 0 ? null : writtenUpTo(subscriptions);
  const beyond = subscriptions
    .filter((one) => upTo === null || !isLive(one) || timeOf(one.reached) > upTo)
    .toSorted((a, b) => Number(isLive(a)) - Number(isLive(b)) || comparePositions(b.reached, a.reached));
  const kept = beyond.slice(0, MAX_REACHED);
  const unkept = beyond.slice(MAX_REACHED).filter((one) => !isLive(one));
  return {
    ...end,
    upTo: upTo === null ? null : Math.min(upTo, ...unkept.map(({ reached }) => timeOf(reached))),
    reached: reachedOf(kept),
    reachedCut: digest === 0 || beyond.length > MAX_REACHED,
    // Where an inbox begins, its position has the number of the registration.
    inbox: inboxPosition.endsWith(`-${incarnation}`) ? null : inboxPosition,
  };
}

/** Of a connection that came to nothing before its welcome. @param follows as of `ConnectionEnd` */
export function neverOpened(follows: number): ConnectionEnd {
  const nothing = { openedMs: null, upTo: null, reached: {}, reachedCut: false, inbox: null, doubtfulMs: 0 };
  return { ...NOT_RESUMED, ...nothing, follows };
}

/** @param aheadMs this clock less that of Redis, by which ids are */
export function inTimeOfRedis(end: ConnectionEnd, aheadMs: number): ConnectionEnd {
  const lost = end.lost.map((range) =>
    range.at === undefined ? range : { ...range, at: Math.round(range.at - aheadMs) },
  );
  if (end.upTo === null || aheadMs <= 0) return { ...end, lost };
  // Those that are not named may have got further than the earlier time.
  return { ...end, lost, upTo: Math.floor(end.upTo - aheadMs), reachedCut: true };
}

/** Until when all that was published on the topics has been written to subscriptions that are live; null: not known. */
function writtenUpTo(subscriptions: readonly Subscription[]): number | null {
  const times = subscriptions.filter(isLive).map(({ topic }) => topic.sentUpTo());
  return times.length === 0 || times.includes(null) ? null : Math.min(...times.map(Number));
}

function reachedOf(subscriptions: readonly Subscription[]): Record<string, Position> {
  return Object.fromEntries(subscriptions.map(({ topic, reached }) => [deliveredName(topic.name), reached]));
}

function isLive({ liveIndex }: Subscription): boolean {
  return liveIndex !== NOT_LIVE;
}

function timeOf(position: Position): number {
  return Number.parseInt(position, 10);
}
