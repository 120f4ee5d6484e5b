import type { Position } from '@holdfast/protocol/position-order';

/** The connection that holds a client. It is believed only while its edge's lease lives. */
export interface Owner {
  edge: string;
  connection: string;
}

/** A registered client as Redis knows it. */
export interface ClientState {
  clientId: string;
  key: string;
  name: string | null;
  /** Milliseconds since the epoch. */
  registeredAt: number;
  owner: Owner | null;
  /** Since when it has been connected, or not connected: milliseconds since the epoch. */
  since: number;
  /** The connection that an operator wants closed. */
  unwanted: string | null;
  /** The last message on its own topic. */
  ownPosition: Position;
  /** Topic to the position at which the subscription begins. */
  topics: Map<string, Position>;
  /** Topic to what was noted of subscriptions that ended before the edge may have looked; see `endedSubscriptions`. */
  ended: Map<string, string>;
}

/** A subscription that is over: what was published after `begin`, up to `end`, was for this client. */
export interface EndedSubscription {
  begin: Position;
  end: Position;
}

/** Takes apart what was noted of a topic, in the order in which the subscriptions were. */
export function endedSubscriptions(noted: string): EndedSubscription[] {
  return noted.split(' ').map((pair) => {
    const [begin = '', end = ''] = pair.split(',');
    return { begin, end };
  });
}

/**
 * The fields of a client's hash. One letter each, because a million clients carry them: a client with two topics
 * fits into one small listpack. A topic's field is its name behind `+`, or behind `-` what was noted when it ended; the nonce of the registration, `o`, is only
 * compared (registrations.ts).
 */
const field = {
  key: 'k',
  name: 'n',
  registeredAt: 'r',
  edge: 'e',
  connection: 'c',
  since: 's',
  unwanted: 'x',
  ownPosition: 'm',
} as const;
const TOPIC_MARK = '+';
const ENDED_MARK = '-';

/** Decodes the fields and values of a client's hash, as HGETALL lists them; null when there are none. */
export function decodeClient(clientId: string, flat: readonly string[]): ClientState | null {
  if (flat.length === 0) return null;
  const values = new Map<string, string>();
  const topics = new Map<string, Position>();
  const ended = new Map<string, string>();
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const name = flat[index] ?? '';
    const value = flat[index + 1] ?? '';
    if (name.startsWith(TOPIC_MARK)) topics.set(name.slice(TOPIC_MARK.length), value);
    else if (name.startsWith(ENDED_MARK)) ended.set(name.slice(ENDED_MARK.length), value);
    else values.set(name, value);
  }
  const edge = values.get(field.edge);
  const connection = values.get(field.connection);
  const registeredAt = Number(values.get(field.registeredAt));
  return {
    clientId,
    key: values.get(field.key) ?? '',
    name: values.get(field.name) ?? null,
    registeredAt,
    owner: edge !== undefined && connection !== undefined ? { edge, connection } : null,
    since: Number(values.get(field.since) ?? registeredAt),
    unwanted: values.get(field.unwanted) ?? null,
    ownPosition: values.get(field.ownPosition) ?? `${registeredAt}-0`,
    topics,
    ended,
  };
}
