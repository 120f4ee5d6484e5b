import type { ConnectionEnd, ConnectionStory } from '@holdfast/broker/evidence';
import { type Position, comparePositions } from '@holdfast/protocol/position-order';
import { deliveredName } from '../topic/delivered-name.ts';
import { NOT_LIVE, type Subscription } from '../topic/subscription.ts';

/** Topics of which it is kept how far they got: those with messages in the last seconds, mostly none. */
const MAX_REACHED = 8;

/** A connection that is about to end, its subscriptions still with it. */
export interface EndingConnection {
  readonly story: ConnectionStory;
  readonly openedMs: number | null;
  readonly subscriptions: { values(): Iterable<Subscription> };
  /** Too much waits for its socket. */
  readonly congested: boolean;
  /** 0 while its client's state may not be wholly applied. */
  readonly digest: number;
  readonly incarnation: string;
  readonly inboxPosition: Position;
}

/** What is known of a connection as it ends. */
export function connectionEnd(connection: EndingConnection): ConnectionEnd {
  const { story, openedMs, congested, digest, incarnation, inboxPosition } = connection;
  const { resumed, unnamed, lost, cut } = story;
  const end = { resumed, unnamed, lost, cut, openedMs, doubtfulMs: 0 };
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
    reached: Object.fromEntries(kept.map(({ topic, reached }) => [deliveredName(topic.name), reached])),
    reachedCut: digest === 0 || beyond.length > MAX_REACHED,
    // Where an inbox begins, its position has the number of the registration.
    inbox: inboxPosition.endsWith(`-${incarnation}`) ? null : inboxPosition,
  };
}

/** Until when all that was published on the topics has been written to subscriptions that are live; null: not known. */
function writtenUpTo(subscriptions: readonly Subscription[]): number | null {
  const times = subscriptions.filter(isLive).map(({ topic }) => topic.sentUpTo());
  return times.length === 0 || times.includes(null) ? null : Math.min(...times.map(Number));
}

function isLive({ liveIndex }: Subscription): boolean {
  return liveIndex !== NOT_LIVE;
}

function timeOf(position: Position): number {
  return Number.parseInt(position, 10);
}
