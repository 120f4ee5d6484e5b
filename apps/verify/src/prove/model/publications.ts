import type { Position } from '@holdfast/protocol/position-order';
import type { CallEvent, Forgetting, Outcome } from '../history/events.ts';
import { LATE_MS } from './timeline.ts';

/** One message of one stream; an idempotent one may have been asked for several times. */
export interface Publication {
  stream: string;
  token: string;
  /** When it may have been published. */
  from: number;
  to: number;
  outcome: Outcome;
  /** The ids that were answered; more than one is a fault, unless the topic was another one meanwhile. */
  ids: Position[];
  /** It came into being, or may have, in a time that Redis forgot; the end of that time. */
  isForgotten: boolean;
  forgottenAt: number;
}

export interface Stream {
  name: string;
  byToken: ReadonlyMap<string, Publication>;
  /** Of those that were answered with an id, by that id; more than one is a fault. */
  byId: ReadonlyMap<Position, readonly Publication[]>;
  /** Times in which the topic, or the registration, may have ended. */
  ends: readonly { from: number; to: number }[];
}

/** Everything that was published, by stream. */
export function streamsOf(
  calls: readonly CallEvent[],
  forgettings: readonly Forgetting[],
  callsAbout: (stream: string) => readonly CallEvent[],
): Map<string, Stream> {
  const found = new Map<string, Map<string, Publication>>();
  for (const { from, to, outcome, call } of calls) {
    if (call.what !== 'publish') continue;
    const { stream, token, id } = call;
    const tokens = found.get(stream) ?? new Map<string, Publication>();
    found.set(stream, tokens);
    const late = outcome === 'unknown' ? to + LATE_MS : to;
    const before = tokens.get(token);
    const forgotten = forgettings.filter(({ savedFrom, lostAt }) => late >= savedFrom && from <= lostAt);
    const isForgotten = forgotten.length > 0;
    const forgottenAt = Math.max(-Infinity, ...forgotten.map(({ lostAt }) => lostAt));
    const ids = id === undefined ? [] : [id];
    tokens.set(
      token,
      before === undefined
        ? { stream, token, from, to: late, outcome, ids, isForgotten, forgottenAt }
        : joined(before, { to: late, outcome, ids, isForgotten, forgottenAt }),
    );
  }
  return new Map(
    Array.from(found, ([name, byToken]) => [
      name,
      { name, byToken, byId: byIdOf(byToken), ends: endsOf(callsAbout(name), name) },
    ]),
  );
}

/** The same message, asked for again. What was refused once may have been taken another time. */
function joined(
  before: Publication,
  again: Pick<Publication, 'to' | 'outcome' | 'ids' | 'isForgotten' | 'forgottenAt'>,
): Publication {
  const outcomes = [before.outcome, again.outcome];
  const outcome = outcomes.includes('ok') ? 'ok' : outcomes.includes('unknown') ? 'unknown' : 'refused';
  // An answer to a repetition tells the id; when it was published lies between the first try and that.
  return {
    ...before,
    to: before.outcome === 'ok' ? before.to : again.to,
    outcome,
    ids: [...new Set([...before.ids, ...again.ids])],
    isForgotten: before.isForgotten || again.isForgotten,
    forgottenAt: Math.max(before.forgottenAt, again.forgottenAt),
  };
}

function byIdOf(byToken: ReadonlyMap<string, Publication>): Map<Position, Publication[]> {
  const byId = new Map<Position, Publication[]>();
  for (const publication of byToken.values()) {
    for (const id of publication.ids) byId.set(id, [...(byId.get(id) ?? []), publication]);
  }
  return byId;
}

function endsOf(calls: readonly CallEvent[], stream: string): { from: number; to: number }[] {
  return calls.flatMap(({ from, to, outcome, call }) => {
    const isEnd =
      call.what === 'delete' ? call.topic === stream : call.what === 'unregister' && stream === `@me:${call.client}`;
    if (!isEnd || outcome === 'refused') return [];
    return [{ from, to: outcome === 'unknown' ? to + LATE_MS : to }];
  });
}

/** Whether a stream may have ended between the two. */
export function mayHaveEnded({ ends }: Stream, from: number, to: number): boolean {
  return ends.some((end) => end.to >= from && end.from <= to);
}
