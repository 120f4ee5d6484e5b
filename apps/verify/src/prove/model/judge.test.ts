import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CallEvent, Frame, HistoryEvent, LineEvent } from '../history/events.ts';
import { absentSteps, correctHistory, cutOffSteps, outgrownHistory } from '../../testing/correct-history.ts';
import { isMissingNow, judge } from './judge.ts';
import { CLIENTS, FOREIGN_TOPIC, TOPICS } from '../../testing/simulated-installation.ts';
import type { Violation, ViolationKind } from './model.ts';

/** A property that hardly ever found a place for its violation says nothing. */
const ENOUGH = 30;
const RUNS = 500;

type Events = readonly HistoryEvent[];
type FrameEvent = Extract<LineEvent, { kind: 'frame' }>;
type Message = FrameEvent & { frame: Extract<Frame, { type: 'message' }> };

const isMessage = (event: HistoryEvent): event is Message => event.kind === 'frame' && event.frame.type === 'message';
const messagesOf = (events: Events) => events.filter(isMessage);
const closeOf = (events: Events, line: number) =>
  events.find((event) => event.kind === 'closed' && event.line === line);
const openingOf = (events: Events, line: number) =>
  events.find((event) => event.kind === 'opening' && event.line === line);
const callsOf = (events: Events) => events.filter((event) => event.kind === 'call');
const without = (events: Events, event: HistoryEvent) => events.filter((other) => other !== event);
const replaced = (events: Events, event: HistoryEvent, by: HistoryEvent) =>
  events.map((other) => (other === event ? by : other));
const followedBy = (events: Events, event: HistoryEvent, more: HistoryEvent) =>
  events.flatMap((other) => (other === event ? [other, more] : [other]));

/** Messages of connections that stand to the end, in histories in which Redis forgets nothing and no topic is renewed. */
function owed(events: Events): Message[] {
  const isPlain = !events.some(
    (event) => event.kind === 'forgot' || (event.kind === 'call' && event.call.what === 'delete'),
  );
  if (!isPlain) return [];
  const published = new Map(
    callsOf(events).flatMap((event) =>
      event.call.what === 'publish' && event.outcome === 'ok' ? [[event.call.token, event]] : [],
    ),
  );
  return messagesOf(events).filter(
    ({ line, frame }) => closeOf(events, line) === undefined && published.has(frame.token) && frame.topic !== '@me',
  );
}

const isIn = (call: CallEvent['call'], client: string, topic: string) =>
  (call.what === 'subscribe' || call.what === 'register') && call.client === client && call.topics.includes(topic);

const frameOfOne = (at: number, sent: Frame): HistoryEvent => ({ kind: 'frame', at, line: 1, frame: sent });
const callAt = (at: number, made: CallEvent['call']): HistoryEvent => ({
  kind: 'call',
  from: at,
  to: at + 1,
  outcome: 'ok',
  status: null,
  call: made,
});

/**
 * Tampers with correct histories, and holds that it is found as one of `kinds`. `tamper` gives the history made wrong,
 * and the token that is wrong if it is about one; null where there is no place for it. Gives how often there was one.
 */
function timesFound(
  kinds: readonly ViolationKind[],
  tamper: (events: Events, pick: <T>(from: readonly T[]) => T | undefined) => { wrong: Events; token?: string } | null,
  histories = correctHistory(),
): number {
  let tampered = 0;
  fc.assert(
    fc.property(histories, fc.nat(), (events, seed) => {
      const made = tamper(events, (from) => from[seed % Math.max(1, from.length)]);
      if (made === null) return;
      tampered += 1;
      const isIt = ({ kind, token }: Violation) =>
        kinds.includes(kind) && (made.token === undefined || token === made.token);
      expect(judge(made.wrong).filter(isIt)).not.toEqual([]);
    }),
    { numRuns: RUNS },
  );
  return tampered;
}

describe('the model', () => {
  it('finds nothing wrong in a correct history', () => {
    fc.assert(
      fc.property(correctHistory(160), (events) => {
        expect(judge(events)).toEqual([]);
      }),
      { numRuns: 1500 },
    );
  });

  it('finds nothing wrong where a connection was cut off while Redis went back', () => {
    fc.assert(
      fc.property(fc.oneof(correctHistory(80, cutOffSteps), outgrownHistory()), (events) => {
        expect(judge(events)).toEqual([]);
      }),
      { numRuns: 1500 },
    );
  });

  it('finds that a message is missing which was published after Redis went back', () => {
    const times = timesFound(
      ['lost', 'deaf'],
      (events, pick) => {
        const forgot = events.findLast((event) => event.kind === 'forgot');
        const since = new Map(
          callsOf(events).flatMap(({ call, from, outcome }) =>
            call.what === 'publish' && outcome === 'ok' && from > (forgot?.lostAt ?? Infinity)
              ? [[call.token, from]]
              : [],
          ),
        );
        const renewed = callsOf(events).some(({ call }) => call.what === 'delete');
        const gone = pick(messagesOf(events).filter(({ frame }) => !renewed && since.has(frame.token)));
        const isAnnounced = events.some(
          (event) =>
            event.kind === 'frame' &&
            event.line === gone?.line &&
            event.frame.type === 'lost' &&
            event.at > (since.get(gone.frame.token) ?? -Infinity),
        );
        return gone === undefined || isAnnounced ? null : { wrong: without(events, gone), token: gone.frame.token };
      },
      correctHistory(80, cutOffSteps),
    );
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('finds that nothing was announced of messages with ids below one that Redis lost', () => {
    const times = timesFound(
      ['lost'],
      (events, pick) => {
        if (callsOf(events).some(({ call }) => call.what === 'delete')) return null;
        const forgot = events.findLast((event) => event.kind === 'forgot');
        const below = pick(
          events.flatMap((lost) => {
            if (lost.kind !== 'frame' || lost.frame.type !== 'lost') return [];
            const { after, position, topic } = lost.frame;
            return callsOf(events).flatMap(({ call, from, outcome }) => {
              if (call.what !== 'publish' || call.stream !== topic || outcome !== 'ok' || lost.at < from) return [];
              const ms = Number.parseInt(call.id ?? '', 10);
              const isBelow =
                ms < Number.parseInt(after, 10) && Number.parseInt(after, 10) < Number.parseInt(position, 10);
              const isHad = messagesOf(events).some(
                ({ line, frame }) => line === lost.line && frame.token === call.token,
              );
              return isBelow && !isHad && from > (forgot?.lostAt ?? Infinity) ? [{ lost, token: call.token }] : [];
            });
          }),
        );
        return below === undefined ? null : { wrong: without(events, below.lost), token: below.token };
      },
      outgrownHistory(),
    );
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it.each([
    ['first', (all: readonly Message[]) => all[0]],
    ['middle', (all: readonly Message[]) => all[Math.floor(all.length / 2)]],
    ['last', (all: readonly Message[]) => all.at(-1)],
  ])('finds that the %s message of a connection is missing', (_, choose) => {
    const times = timesFound(['lost', 'deaf', 'falsely-recovered'], (events, pick) => {
      const line = pick(owed(events))?.line;
      const gone = choose(owed(events).filter((message) => message.line === line));
      return gone === undefined ? null : { wrong: without(events, gone), token: gone.frame.token };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('takes a message for announced that a lost frame passes over', () => {
    let times = 0;
    fc.assert(
      fc.property(correctHistory(), fc.nat(), (events, seed) => {
        const all = owed(events);
        const gone = all[seed % Math.max(1, all.length)];
        if (gone === undefined) return;
        times += 1;
        const { topic, id } = gone.frame;
        const lost: HistoryEvent = { ...gone, frame: { type: 'lost', topic, after: '1-0', position: id } };
        expect(judge(replaced(events, gone, lost))).toEqual([]);
      }),
    );
    expect(times).toBeGreaterThan(10);
  });

  it('finds a connection that hears nothing more of a topic', () => {
    const times = timesFound(['deaf', 'falsely-recovered'], (events, pick) => {
      const last = pick(owed(events));
      if (last === undefined) return null;
      const { line, frame, at } = last;
      const isSilent = (event: HistoryEvent) =>
        isMessage(event) && event.line === line && event.frame.topic === frame.topic && event.at >= at;
      return { wrong: events.filter((event) => !isSilent(event)), token: frame.token };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('sees while a connection is open that it lacks a message, and nothing in a correct history', () => {
    let lacking = 0;
    fc.assert(
      fc.property(correctHistory(), fc.nat(), (events, seed) => {
        expect(isMissingNow(events)).toBe(false);
        const messages = owed(events);
        const lacked = messages[seed % Math.max(1, messages.length)];
        if (lacked === undefined) return;
        lacking += 1;
        expect(isMissingNow(without(events, lacked))).toBe(true);
      }),
      { numRuns: RUNS },
    );
    expect(lacking).toBeGreaterThan(ENOUGH);
  });

  it('finds at an earlier end what a later change healed', () => {
    const message: Frame = { type: 'message', topic: 'a', id: '5-0', token: 't' };
    const healed: HistoryEvent[] = [
      callAt(1, { what: 'register', client: 'client-1', topics: ['a'] }),
      { kind: 'opening', at: 3, line: 1, client: 'client-1', edge: 0, positions: null },
      { kind: 'opened', at: 4, line: 1 },
      frameOfOne(5, { type: 'welcome', topics: { a: { position: '1-0' } } }),
      callAt(6, { what: 'publish', how: 'single', stream: 'a', token: 't', id: '5-0' }),
      { kind: 'end', at: 40_000 },
      callAt(40_001, { what: 'subscribe', client: 'client-1', topics: ['a'] }),
      frameOfOne(40_003, message),
      { kind: 'end', at: 80_000 },
    ];
    expect(judge(healed).map(({ kind }) => kind)).toEqual(['deaf']);
    expect(judge(healed.filter(({ kind }, index) => kind !== 'end' || index > 5))).toEqual([]);
  });

  it('finds that a message came twice', () => {
    const times = timesFound(['duplicated'], (events, pick) => {
      const message = pick(messagesOf(events));
      if (message === undefined) return null;
      return { wrong: followedBy(events, message, { ...message }), token: message.frame.token };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('finds that a message came again which a resume had stated', () => {
    const times = timesFound(['duplicated'], (events, pick) => {
      const repeats = messagesOf(events).flatMap((message) => {
        const welcome = events.find(
          (event) =>
            event.kind === 'frame' &&
            event.frame.type === 'welcome' &&
            event.frame.topics[message.frame.topic]?.position === message.frame.id &&
            event.frame.topics[message.frame.topic]?.recovered === true,
        );
        return welcome?.kind === 'frame' ? [{ message, welcome }] : [];
      });
      const repeat = pick(repeats);
      if (repeat === undefined) return null;
      const { message, welcome } = repeat;
      const again: HistoryEvent = { ...message, line: welcome.line, at: welcome.at };
      return { wrong: followedBy(events, welcome, again), token: message.frame.token };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('finds that two messages were swapped', () => {
    const times = timesFound(['reordered'], (events, pick) => {
      const pairs = messagesOf(events).flatMap((early) => {
        const late = messagesOf(events).find(
          ({ line, frame, at }) => line === early.line && frame.topic === early.frame.topic && at > early.at,
        );
        const isApart = events.some(
          (event) =>
            event.kind === 'frame' &&
            event.line === early.line &&
            event.frame.type !== 'message' &&
            event.at > early.at &&
            event.at < (late?.at ?? 0),
        );
        return late === undefined || isApart ? [] : [{ early, late }];
      });
      const pair = pick(pairs);
      if (pair === undefined) return null;
      const { early, late } = pair;
      const swapped = replaced(events, late, { ...late, frame: early.frame });
      return { wrong: replaced(swapped, early, { ...early, frame: late.frame }), token: early.frame.token };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it.each([
    ['a content that was not published', { token: 'not-published' }],
    ['an id that it was not given', { id: '999999-0' }],
  ])('finds a message with %s', (_, other) => {
    const times = timesFound(['phantom'], (events, pick) => {
      const plain = events.every(({ kind }) => kind !== 'forgot');
      const answered = new Set(
        callsOf(events).flatMap(({ call, outcome }) =>
          call.what === 'publish' && outcome === 'ok' ? [call.token] : [],
        ),
      );
      const message = plain ? pick(messagesOf(events).filter(({ frame }) => answered.has(frame.token))) : undefined;
      if (message === undefined) return null;
      const frame = { ...message.frame, ...other };
      return { wrong: replaced(events, message, { ...message, frame }), token: frame.token };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('finds a message that was refused and came', () => {
    const times = timesFound(['phantom'], (events, pick) => {
      const refused = callsOf(events).find(({ call, outcome }) => call.what === 'publish' && outcome === 'refused');
      const message = pick(messagesOf(events));
      if (refused?.call.what !== 'publish' || message === undefined) return null;
      const { stream, token } = refused.call;
      const came: HistoryEvent = { ...message, frame: { type: 'message', topic: stream, id: '999999-0', token } };
      return { wrong: followedBy(events, message, came), token };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('finds a message of a topic to which its client never subscribed', () => {
    const times = timesFound(['wrong-audience'], (events, pick) => {
      const foreign = callsOf(events).find(({ call }) => call.what === 'publish' && call.stream === FOREIGN_TOPIC);
      const message = pick(messagesOf(events).filter(({ at }) => at > (foreign?.to ?? Infinity)));
      if (foreign?.call.what !== 'publish' || message === undefined) return null;
      const { token, id = '' } = foreign.call;
      const came: HistoryEvent = { ...message, frame: { type: 'message', topic: FOREIGN_TOPIC, id, token } };
      return { wrong: followedBy(events, message, came), token };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it.each(['unsubscribe', 'unregister', 'delete'] as const)('finds what came a second after %s', (what) => {
    const times = timesFound(['wrong-audience'], (events, pick) => {
      if (events.some(({ kind }) => kind === 'forgot')) return null;
      const calls = callsOf(events);
      const late = calls.flatMap((end) =>
        calls.flatMap((publish) => {
          if (end.call.what !== what || publish.call.what !== 'publish' || publish.outcome !== 'ok') return [];
          if (publish.from < end.to + 1001 || end.outcome !== 'ok') return [];
          const { stream, token, id = '' } = publish.call;
          const isOf =
            'topics' in end.call
              ? end.call.topics.includes(stream)
              : 'topic' in end.call
                ? end.call.topic === stream
                : TOPICS.includes(stream);
          const client = 'client' in end.call ? end.call.client : (CLIENTS[0] ?? '');
          const isAgain = calls.some(
            ({ call, from }) => from > end.from && from < publish.to && isIn(call, client, stream),
          );
          return isOf && !isAgain ? [{ client, stream, token, id, publish }] : [];
        }),
      );
      const found = pick(late);
      if (found === undefined) return null;
      const { client, stream, token, id, publish } = found;
      const opening: HistoryEvent = { kind: 'opening', at: publish.from, line: 999, client, edge: 0, positions: null };
      const opened: HistoryEvent = { kind: 'opened', at: publish.from, line: 999 };
      const frame: HistoryEvent = {
        kind: 'frame',
        at: publish.to,
        line: 999,
        frame: { type: 'message', topic: stream, id, token },
      };
      return { wrong: [...events, opening, opened, frame], token };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('finds that a resume passed over messages and says that it recovered them', () => {
    const times = timesFound(
      ['falsely-recovered'],
      (events, pick) => {
        if (events.some((event) => event.kind === 'forgot' || (event.kind === 'call' && event.call.what === 'delete')))
          return null;
        const gap = pick(
          events.flatMap((lost) => {
            if (lost.kind !== 'frame' || lost.frame.type !== 'lost' || lost.frame.topic === '@me') return [];
            const welcome = events.find(
              (event) => event.kind === 'frame' && event.line === lost.line && event.frame.type === 'welcome',
            );
            return welcome?.kind === 'frame' && welcome.frame.type === 'welcome'
              ? [{ lost, welcome, topics: welcome.frame.topics, ...lost.frame }]
              : [];
          }),
        );
        const stated = gap?.topics[gap.topic];
        if (gap === undefined || stated === undefined) return null;
        const isCertain = callsOf(events).some(({ call, outcome }) => {
          const at =
            call.what === 'publish' && call.stream === gap.topic && outcome === 'ok'
              ? Number(call.id?.split('-')[0])
              : Number.NaN;
          return at > Number(gap.after.split('-')[0]) && at <= Number(gap.position.split('-')[0]);
        });
        if (!isCertain) return null;
        const topics = { ...gap.topics, [gap.topic]: { ...stated, recovered: true } };
        const welcome: HistoryEvent = { ...gap.welcome, frame: { type: 'welcome', topics } };
        return { wrong: replaced(without(events, gap.lost), gap.welcome, welcome) };
      },
      correctHistory(160, absentSteps),
    );
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('finds a connection that was closed as replaced, and was not', () => {
    const times = timesFound(['falsely-replaced'], (events, pick) => {
      const closed = pick(
        events.filter((event) => {
          if (event.kind !== 'closed' || event.code === 4409) return false;
          const opening = openingOf(events, event.line);
          return !events.some(
            (other) =>
              other.kind === 'opening' &&
              opening?.kind === 'opening' &&
              other.client === opening.client &&
              other.at > opening.at &&
              other.at < event.at,
          );
        }),
      );
      return closed?.kind === 'closed' ? { wrong: replaced(events, closed, { ...closed, code: 4409 }) } : null;
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('takes no handshake that was refused for a newer connection', () => {
    const events: HistoryEvent[] = [
      { kind: 'opening', at: 1, line: 1, client: 'client-1', edge: 0, positions: null },
      { kind: 'opened', at: 2, line: 1 },
      { kind: 'opening', at: 3, line: 2, client: 'client-1', edge: 1, positions: null },
      { kind: 'closed', at: 4, line: 2, code: 1006, byUs: false, status: 503 },
      { kind: 'closed', at: 5, line: 1, code: 4409, byUs: false, status: null },
    ];
    expect(judge(events).map(({ kind }) => kind)).toEqual(['falsely-replaced']);
    const unheard = events.map((event) => (event.kind === 'closed' ? { ...event, status: null } : event));
    expect(judge(unheard)).toEqual([]);
  });

  it.each(['unregister', 'disconnect'] as const)('finds a connection that stays open after %s', (what) => {
    const times = timesFound(['not-closed'], (events, pick) => {
      if (events.some(({ kind }) => kind === 'forgot')) return null;
      const closed = pick(
        events.filter((event, index) => {
          const before = events[index - 1];
          const code = what === 'unregister' ? 4410 : 4403;
          const isBefore = before?.kind === 'call' && before.call.what === what;
          return event.kind === 'closed' && event.code === code && isBefore;
        }),
      );
      return closed === undefined ? null : { wrong: without(events, closed) };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it.each([
    ['leaves a topic out', (seen: { topics: readonly string[] }) => ({ topics: seen.topics.slice(1) })],
    ['names a topic too many', (seen: { topics: readonly string[] }) => ({ topics: [...seen.topics, FOREIGN_TOPIC] })],
    ['calls a connected client not connected', () => ({ connected: false })],
    ['calls a topic not served', () => ({ served: [] })],
    ['does not know what is served', () => ({ served: null })],
  ])('finds that the API %s', (_, lie) => {
    const times = timesFound(['api-lies'], (events, pick) => {
      if (events.some(({ kind }) => kind === 'forgot')) return null;
      const view = pick(
        callsOf(events).filter(({ call }) => {
          return call.what === 'view' && call.isFinal && call.seen?.connected === true && call.seen.topics.length > 0;
        }),
      );
      if (view?.call.what !== 'view' || view.call.seen === undefined || view.call.seen === null) return null;
      const seen = { ...view.call.seen, ...lie(view.call.seen) };
      return { wrong: replaced(events, view, { ...view, call: { ...view.call, seen } }) };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('finds that the API does not know a client that is registered, and knows one that is not', () => {
    const times = timesFound(['api-lies'], (events, pick) => {
      if (events.some(({ kind }) => kind === 'forgot')) return null;
      const view = pick(callsOf(events).filter(({ call }) => call.what === 'view'));
      if (view?.call.what !== 'view') return null;
      const seen = view.call.seen === null ? { topics: [], connected: false, served: null } : null;
      return { wrong: replaced(events, view, { ...view, call: { ...view.call, seen } }) };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('finds that an id was given to two messages', () => {
    const times = timesFound(['id-twice'], (events, pick) => {
      const ok = callsOf(events).filter(({ call, outcome }) => call.what === 'publish' && outcome === 'ok');
      const later = pick(ok.slice(1));
      const earlier = ok.find(({ call }) => {
        return (
          call.what === 'publish' &&
          later?.call.what === 'publish' &&
          call.stream === later.call.stream &&
          call.token !== later.call.token
        );
      });
      if (later?.call.what !== 'publish' || earlier?.call.what !== 'publish') return null;
      const { id = '' } = earlier.call;
      return { wrong: replaced(events, later, { ...later, call: { ...later.call, id } }) };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('finds that a repeated call published again', () => {
    const times = timesFound(['published-twice'], (events, pick) => {
      if (events.some((event) => event.kind === 'forgot' || (event.kind === 'call' && event.call.what === 'delete')))
        return null;
      const again = pick(callsOf(events).filter(({ call }) => call.what === 'publish' && call.how === 'idempotent'));
      if (again?.call.what !== 'publish') return null;
      return { wrong: replaced(events, again, { ...again, call: { ...again.call, id: '999999-0' } }) };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });
});
