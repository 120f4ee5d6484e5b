import type { CallEvent, Forgetting } from '../history/events.ts';
import { inboxOf } from '../history/events.ts';

/** A call without an answer may be carried out so much later than it was given up, and a handshake likewise. */
export const LATE_MS = 10_000;

/** How long a connection may follow what Redis said before it lost its last writes. */
const FOLLOWS_WITHIN_MS = 30_000;

type State = 'in' | 'out';

/** A call that made a client a subscriber of a stream, or ended that. */
export interface Change {
  from: number;
  to: number;
  target: State;
  isCertain: boolean;
}

const BEFORE_ALL: Change = { from: -Infinity, to: -Infinity, target: 'out', isCertain: true };

/** What may have been so, at any time, of one client and one stream. */
export class Timeline {
  /** The changes that count after so many times that Redis forgot. */
  readonly #after: readonly (readonly Change[])[];
  readonly #forgettings: readonly Forgetting[];

  constructor(changes: readonly Change[], forgettings: readonly Forgetting[]) {
    this.#forgettings = forgettings.toSorted((a, b) => a.lostAt - b.lostAt);
    const after: Change[][] = [[BEFORE_ALL, ...changes]];
    for (const forgetting of this.#forgettings) after.push(forget(after.at(-1) ?? [], forgetting));
    this.#after = after;
  }

  /** Whether a connection is to follow that state all the time between the two, whatever happened of what is not known. */
  isCertain(state: State, from: number, to: number): boolean {
    return !this.isPossible(state === 'in' ? 'out' : 'in', from, to);
  }

  /** Whether Redis has it so, all the time. */
  isStored(state: State, from: number, to: number): boolean {
    return !this.#isPossible(state === 'in' ? 'out' : 'in', from, to, 0);
  }

  /** Whether a connection may follow that state at any time between the two. */
  isPossible(state: State, from: number, to: number): boolean {
    return this.#isPossible(state, from, to, FOLLOWS_WITHIN_MS);
  }

  #isPossible(state: State, from: number, to: number, behindMs: number): boolean {
    const least = this.#forgettings.filter(({ lostAt }) => lostAt + behindMs <= from).length;
    const most = this.#forgettings.filter(({ lostAt }) => lostAt <= to).length;
    return this.#after.slice(least, most + 1).some((changes) => isPossible(changes, state, from, to));
  }
}

/** A change counts from its beginning on, until a later one that is certain is over. */
function isPossible(changes: readonly Change[], state: State, from: number, to: number): boolean {
  let outdated = -Infinity;
  for (const change of changes) {
    if (change.isCertain && change.to <= from) outdated = Math.max(outdated, change.from);
  }
  return changes.some((change) => {
    const over = change.isCertain ? change.to : change.to + LATE_MS;
    return change.target === state && change.from <= to && over >= outdated;
  });
}

/** The changes that are left when Redis forgets. */
function forget(changes: readonly Change[], { savedFrom, savedTo, lostAt }: Forgetting): Change[] {
  return changes.flatMap((change) => {
    if (change.from >= lostAt || change.to < savedFrom) return [change];
    const isGone = change.from > savedTo && change.to <= lostAt && change.isCertain;
    return isGone ? [] : [{ ...change, isCertain: false }];
  });
}

/** What calls did to one client and one stream: a topic, or its inbox. */
export function changesOf(calls: Iterable<CallEvent>, client: string, stream: string): Change[] {
  return [...calls].flatMap(({ from, to, outcome, status, call }) => {
    const target = targetOf(call, client, stream);
    if (target === undefined) return [];
    // It was not there, which is as certain as an end.
    const isGone = (call.what === 'unregister' && status === 409) || (call.what === 'delete' && status === 404);
    if (outcome === 'refused' && !isGone) return [];
    return [{ from, to, target, isCertain: outcome !== 'unknown' }];
  });
}

function targetOf(call: CallEvent['call'], client: string, stream: string): State | undefined {
  if (call.what === 'delete') return call.topic === stream ? 'out' : undefined;
  if (!('client' in call) || call.client !== client) return undefined;
  const isInbox = stream === inboxOf(client);
  switch (call.what) {
    case 'register':
      return isInbox || call.topics.includes(stream) ? 'in' : 'out';
    case 'unregister':
      return 'out';
    case 'subscribe':
      return !isInbox && call.topics.includes(stream) ? 'in' : undefined;
    case 'unsubscribe':
      return !isInbox && call.topics.includes(stream) ? 'out' : undefined;
    case 'disconnect':
    case 'view':
    default:
      return undefined;
  }
}
