import type { Position } from '@holdfast/protocol/position-order';
import { type ClientIdentity, decodeIdentity } from './identity.ts';

export { type ClientIdentity, type ClientToken, NO_IDENTITY } from './identity.ts';

/** The connection that holds a client. It is believed only while its edge's lease lives. */
export interface Owner {
  edge: string;
  /** Grows with each claim of the client: of two connections the one with the higher generation is newer. */
  generation: number;
}

/** What people see of a connection, beside its edge: the generation of its first claim. */
export function connectionName(generation: number): string {
  return generation.toString(36);
}

/** A registered client as Redis knows it. */
export interface ClientState {
  clientId: string;
  key: string;
  name: string | null;
  /** Milliseconds since the epoch. */
  registeredAt: number;
  /** Tells this registration from others of the same id. */
  incarnation: string;
  owner: Owner | null;
  /** The owner whose edge died, until there is another one. */
  goneOwner?: Owner;
  /** Generation of its last owner, whether or not it still is; 0: it never had one. */
  lastGeneration: number;
  /** The edges that must be notified of a change: the owner's, and one that may still hold an older connection. */
  notify: string[];
  /** Since when it has been connected, or not connected: milliseconds since the epoch. */
  since: number;
  /** Connections up to this generation are to be closed, by request of an operator; 0 for none. */
  disconnectUpTo: number;
  /** The last message on its own topic. */
  ownPosition: Position;
  /** Topic to the start of the subscription; see `parseStart`. */
  topics: Map<string, SubscriptionStart>;
  /** Topic to the ranges of subscriptions that ended before the edge may have looked; see `closedRanges`. */
  closed: Map<string, string>;
  /** How many of its subscriptions ended with a position, and when the last one did: milliseconds since the epoch. */
  ended: { count: number; lastAt: number };
  identity: ClientIdentity;
}

/**
 * Where a subscription starts: `<position> <incarnation of the topic>`. It is compared as a text: another start is another
 * subscription, and one of another incarnation is to a topic that was deleted.
 */
export type SubscriptionStart = string;

export function subscriptionStart(position: Position, incarnation: string): SubscriptionStart {
  return `${position} ${incarnation}`;
}

export function parseStart(start: SubscriptionStart): { position: Position; incarnation: string } {
  const [position = '', incarnation = ''] = start.split(' ', 2);
  return { position, incarnation };
}

/** A subscription that is over: what was published after `begin`, up to `end`, was for this client. */
export interface ClosedRange {
  begin: Position;
  end: Position;
  /** Of the topic. */
  incarnation: string;
  /** There was no room for all of it: the client gets a `lost` for what it held. */
  dropped: boolean;
}

/** Takes apart the closed ranges of a topic, in the order in which the subscriptions were. */
export function closedRanges(ranges: string): ClosedRange[] {
  return ranges.split(' ').map((range) => {
    const dropped = range.startsWith('!');
    const [begin = '', end = '', incarnation = ''] = range.slice(dropped ? 1 : 0).split(',');
    return { begin, end, incarnation, dropped };
  });
}

/**
 * The fields of a client's hash. One letter each, because a million clients carry them: a client with two topics fits
 * into one small listpack. A topic's field is its name behind `+`, with the start of the subscription, or behind `-`, with
 * closed ranges. Those of its identity are in identity.ts.
 */
const field = {
  key: 'k',
  name: 'n',
  registeredAt: 'r',
  incarnation: 'o',
  /** The edge of the owner; there also when it is marked as gone. */
  edge: 'e',
  /** Generation of the owner; stays when there is none any more. */
  generation: 'c',
  /** The owner's edge has lost its lease. */
  gone: 'd',
  /** Edge of the owner before this one, until it has closed its connection. */
  previousEdge: 'p',
  since: 's',
  /** Given to a new connection that has not taken the client over yet. */
  givenGeneration: 'q',
  disconnectUpTo: 'x',
  ownPosition: 'm',
  /** How many subscriptions ended, and when the last one did. */
  ended: 'l',
} as const;
const TOPIC_MARK = '+';
const CLOSED_MARK = '-';

/** Decodes the fields and values of a client's hash, as HGETALL lists them; null when there are none. */
export function decodeClient(clientId: string, flat: readonly string[]): ClientState | null {
  if (flat.length === 0) return null;
  const values: Record<string, string | undefined> = Object.create(null) as Record<string, string | undefined>;
  const topics = new Map<string, SubscriptionStart>();
  const closed = new Map<string, string>();
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const name = flat[index] ?? '';
    const value = flat[index + 1] ?? '';
    if (name.startsWith(TOPIC_MARK)) topics.set(name.slice(TOPIC_MARK.length), value);
    else if (name.startsWith(CLOSED_MARK)) closed.set(name.slice(CLOSED_MARK.length), value);
    else values[name] = value;
  }
  const edge = values[field.edge];
  const registeredAt = Number(values[field.registeredAt]);
  const incarnation = values[field.incarnation] ?? '0';
  const lastGeneration = Number(values[field.generation] ?? 0);
  const claimant = edge === undefined ? null : { edge, generation: lastGeneration };
  const [count = 0, lastAt = 0] = (values[field.ended] ?? '').split(' ').map(Number);
  const isGone = values[field.gone] !== undefined;
  return {
    clientId,
    key: values[field.key] ?? '',
    name: values[field.name] ?? null,
    registeredAt,
    incarnation,
    owner: isGone ? null : claimant,
    ...(isGone && claimant && { goneOwner: claimant }),
    lastGeneration,
    notify: edgesOf(edge, values[field.previousEdge]),
    since: Number(values[field.since] ?? registeredAt),
    disconnectUpTo: Number(values[field.disconnectUpTo] ?? 0),
    ownPosition: values[field.ownPosition] ?? `${registeredAt}-${incarnation}`,
    topics,
    closed,
    ended: { count, lastAt },
    identity: decodeIdentity(values),
  };
}

/** The edges that are named, each once. */
export function edgesOf(...edges: (string | undefined)[]): string[] {
  return [...new Set(edges.filter((edge) => edge !== undefined && edge !== ''))] as string[];
}
