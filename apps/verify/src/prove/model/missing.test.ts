import { describe, expect, it } from 'vitest';
import type { CallEvent, Frame, HistoryEvent } from '../history/events.ts';
import { judge } from './judge.ts';

/** Ids as Redis gives them with its clock behind: all of one millisecond. */
const LOST_BY_REDIS = '9-500';
const BELOW = '9-300';
const ABOVE = '9-900';

const END: HistoryEvent = { kind: 'end', at: 90_000 };

function call(at: number, made: CallEvent['call'], outcome: CallEvent['outcome'] = 'ok'): HistoryEvent {
  return { kind: 'call', from: at, to: at + 1, outcome, status: null, call: made };
}

function publish(at: number, token: string, id: string): HistoryEvent {
  return call(at, { what: 'publish', how: 'single', stream: 'a', token, id });
}

function frame(at: number, sent: Frame): HistoryEvent {
  return { kind: 'frame', at, line: 1, frame: sent };
}

function message(at: number, token: string, id: string): HistoryEvent {
  return frame(at, { type: 'message', topic: 'a', id, token });
}

function lost(at: number, after: string, position: string): HistoryEvent {
  return frame(at, { type: 'lost', topic: 'a', after, position });
}

function connected(at: number, position: string): HistoryEvent[] {
  return [
    { kind: 'opening', at, line: 1, client: 'client-1', edge: 0, positions: null },
    { kind: 'opened', at: at + 1, line: 1 },
    frame(at + 2, { type: 'welcome', topics: { a: { position } } }),
  ];
}

/** The tokens of what is missing. */
const found = (events: readonly HistoryEvent[]) =>
  judge(events).map(({ text, token }) => (text.endsWith('did not come') ? token : text));
const without = (events: readonly HistoryEvent[], gone: HistoryEvent) => events.filter((event) => event !== gone);

describe('a log that Redis went back in, of an edge that did not notice until it had grown past', () => {
  const forgot: HistoryEvent = { kind: 'forgot', savedFrom: 90, savedTo: 91, lostAt: 200 };
  const announced = lost(400, LOST_BY_REDIS, ABOVE);
  const events = [
    call(1, { what: 'register', client: 'client-1', topics: ['a'] }),
    ...connected(10, '9-100'),
    publish(100, 'lost-by-redis', LOST_BY_REDIS),
    message(101, 'lost-by-redis', LOST_BY_REDIS),
    forgot,
    publish(300, 'below', BELOW),
    publish(310, 'above', ABOVE),
    announced,
    publish(500, 'next', '9-950'),
    message(501, 'next', '9-950'),
    END,
  ];

  it('is announced by what goes on after the lost message, also for messages under lower ids', () => {
    expect(found(events)).toEqual([]);
  });

  it('is so when the publish of the lost message had no answer', () => {
    const unanswered = call(100, { what: 'publish', how: 'single', stream: 'a', token: 'lost-by-redis' }, 'unknown');
    expect(found(events.with(4, unanswered))).toEqual([]);
  });

  it('is not announced by nothing', () => {
    expect(found(without(events, announced))).toEqual(['below', 'above']);
  });

  it('is not announced after a message that Redis has kept', () => {
    expect(found(without(events, forgot))).toEqual(['below']);
  });

  it('does not announce what was published before the lost message', () => {
    const before = publish(50, 'before', '9-200');
    expect(found([...events.slice(0, 4), before, ...events.slice(4)])).toEqual(['before']);
  });

  it('is not announced up to a position before the missing message', () => {
    const early = events.with(events.indexOf(announced), lost(400, LOST_BY_REDIS, '9-600'));
    expect(found(early)).toEqual(['above']);
  });

  it('is not announced before the missing message was published', () => {
    const before = [...without(events, announced), lost(250, LOST_BY_REDIS, ABOVE)].toSorted(
      (a, b) => timeOf(a) - timeOf(b),
    );
    expect(found(before)).toEqual(['below']);
  });
});

describe('a topic that was deleted while a message was under way', () => {
  const deleted = call(320, { what: 'delete', topic: 'a' });
  const events = [
    call(1, { what: 'register', client: 'client-1', topics: ['a'] }),
    ...connected(10, '9-100'),
    publish(100, 'lost-by-redis', LOST_BY_REDIS),
    message(101, 'lost-by-redis', LOST_BY_REDIS),
    { kind: 'forgot', savedFrom: 90, savedTo: 91, lostAt: 200 } as const,
    publish(300, 'below', BELOW),
    deleted,
    END,
  ];

  it('takes it along, although something under a higher id came before it was published', () => {
    expect(found(events)).toEqual([]);
    expect(found(without(events, deleted))).toEqual(['below']);
  });

  it('does not take along what was passed over by something that came later', () => {
    const later = [publish(310, 'later', ABOVE), message(311, 'later', ABOVE)];
    expect(found([...events.slice(0, 7), ...later, ...events.slice(7)])).toEqual(['below']);
  });
});

describe('a topic that was made anew with the clock of Redis set back', () => {
  const renewed = [call(40_000, { what: 'delete', topic: 'a' }), call(40_010, { what: 'create', topic: 'a', size: 9 })];
  const came = message(40_101, 'present', '5-200');
  const events = [
    call(1, { what: 'register', client: 'client-1', topics: ['a'] }),
    publish(100, 'earlier', '9-500'),
    ...renewed,
    call(40_020, { what: 'subscribe', client: 'client-1', topics: ['a'] }),
    ...connected(40_030, '5-100'),
    publish(40_100, 'present', '5-200'),
    came,
    END,
  ];

  it('owes a connection nothing of the earlier one, whose ids are higher', () => {
    expect(found(events)).toEqual([]);
  });

  it('owes what was published on it, and without having been made anew everything', () => {
    expect(found(without(events, came))).toEqual(['present']);
    expect(found(events.filter((event) => !renewed.includes(event)))).toEqual(['earlier']);
  });
});

function timeOf(event: HistoryEvent): number {
  return 'at' in event ? event.at : event.kind === 'forgot' ? event.lostAt : event.from;
}
