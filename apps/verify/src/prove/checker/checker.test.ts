import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Fault, type FaultKind, indexTruths, judge } from './checker.ts';
import { FOREIGN_TOPIC, type Run, correctRun, truthsOf } from '../../testing/correct-run.ts';
import type { LogEvent } from './log.ts';
import { ENDING_MS } from './requirement.ts';

type Message = Extract<LogEvent, { kind: 'message' }>;

function verdictOf(run: Run) {
  return judge(indexTruths(truthsOf(run)), run.member, { logsMayForget: run.logsMayForget });
}

function faultsOf(run: Run): Fault[] {
  return verdictOf(run).faults;
}

/** A copy of the run whose log of what the client saw is another one. */
function withEvents(run: Run, events: LogEvent[]): Run {
  return { ...run, member: { ...run.member, events } };
}

function handedOut(run: Run): number[] {
  return run.member.events.flatMap((event, index) => (event.kind === 'message' && event.handedOut ? [index] : []));
}

/** Messages that have to arrive whatever else is true: of a desired topic that never ended. */
function owed(run: Run): number[] {
  return handedOut(run).filter((index) => {
    const { message, at } = run.member.events[index] as Message;
    return run.member.desiredTopics.some(
      ({ topic, askedAt, endAskedAt }) => topic === message.topic && askedAt <= at && endAskedAt === null,
    );
  });
}

/** A property that hardly ever found a place for its fault says nothing. */
const ENOUGH = 30;

/**
 * Tampers with correct runs, and checks that the fault is reported as one of `kinds`, for that message. `tamper` gives the
 * run made wrong and the id of the message that is wrong, or null when this run has no place for the fault. Gives how
 * many runs had one.
 */
function timesFlagged(
  runs: fc.Arbitrary<Run>,
  kinds: readonly FaultKind[],
  tamper: (run: Run, pick: <T>(from: readonly T[]) => T | undefined) => { wrong: Run; id: string } | null,
): number {
  let tampered = 0;
  fc.assert(
    fc.property(runs, fc.nat(), (run, seed) => {
      const made = tamper(run, (from) => from[seed % Math.max(1, from.length)]);
      if (made === null) return;
      tampered += 1;
      const reported = faultsOf(made.wrong);
      expect(reported.filter(({ id, kind }) => id === made.id && kinds.includes(kind))).toHaveLength(1);
    }),
    { numRuns: 400 },
  );
  return tampered;
}

function numberOf(id: string): number {
  return Number(id.split('-')[0]);
}

function without(events: readonly LogEvent[], index: number): LogEvent[] {
  return events.filter((_, place) => place !== index);
}

function inserted(events: readonly LogEvent[], index: number, ...more: LogEvent[]): LogEvent[] {
  return [...events.slice(0, index), ...more, ...events.slice(index)];
}

function messageAt(run: Run, index: number): Message {
  return run.member.events[index] as Message;
}

describe('the checker', () => {
  it.each([
    ['a client that resumes', correctRun()],
    ['a client that never resumes', correctRun({ expectation: 'each-session' })],
    ['a client that resumes while logs forget', correctRun({ forgets: true })],
  ])('finds nothing wrong in a correct run of %s', (_, runs) => {
    fc.assert(
      fc.property(runs, (run) => {
        expect(faultsOf(run)).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  it('counts what was handed out', () => {
    fc.assert(
      fc.property(correctRun(), (run) => {
        expect(verdictOf(run).received).toBe(handedOut(run).length);
      }),
    );
  });

  describe.each([
    ['first', (places: readonly number[]) => places[0]],
    ['middle', (places: readonly number[]) => places[Math.floor(places.length / 2)]],
    ['last', (places: readonly number[]) => places.at(-1)],
  ])('with the %s message left out', (_, choose) => {
    it('tells that it was lost', () => {
      const times = timesFlagged(correctRun(), ['lost', 'falsely-recovered'], (run) => {
        const index = choose(owed(run));
        if (index === undefined) return null;
        return { wrong: withEvents(run, without(run.member.events, index)), id: messageAt(run, index).message.id };
      });
      expect(times).toBeGreaterThan(ENOUGH);
    });
  });

  it('tells a hole in a single connection of a client that never resumes', () => {
    const times = timesFlagged(correctRun({ expectation: 'each-session' }), ['lost'], (run) => {
      const { events } = run.member;
      const index = owed(run).find((place) => {
        const { topic } = messageAt(run, place).message;
        for (let next = place + 1; next < events.length; next += 1) {
          const event = events[next];
          if (event?.kind === 'session' || event?.kind === 'ended') return false;
          if (event?.kind === 'message' && event.message.topic === topic) return true;
        }
        return false;
      });
      if (index === undefined) return null;
      return { wrong: withEvents(run, without(events, index)), id: messageAt(run, index).message.id };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('tells that a connection did not recover what it said it had', () => {
    const times = timesFlagged(correctRun(), ['falsely-recovered'], (run) => {
      const { events } = run.member;
      const index = owed(run).find((place) => {
        const { topic } = messageAt(run, place).message;
        const sameTopic = (event: LogEvent) => event.kind === 'message' && event.message.topic === topic;
        const start = events.findLastIndex((event, before) => before < place && event.kind === 'session');
        const session = events[start];
        if (session?.kind !== 'session' || session.topics.get(topic)?.recovered !== true) return false;
        const end = events.findIndex((event, after) => after > place && event.kind === 'session');
        const after = events.slice(place + 1, end === -1 ? undefined : end);
        return !events.slice(start, place).some(sameTopic) && after.some(sameTopic);
      });
      if (index === undefined) return null;
      return { wrong: withEvents(run, without(events, index)), id: messageAt(run, index).message.id };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('tells that a message was handed out twice', () => {
    const times = timesFlagged(correctRun(), ['duplicated'], (run, pick) => {
      const index = pick(handedOut(run));
      if (index === undefined) return null;
      const copy = messageAt(run, index);
      return { wrong: withEvents(run, inserted(run.member.events, index + 1, copy)), id: copy.message.id };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('tells that a message was sent twice on one connection, though the client dropped it', () => {
    const times = timesFlagged(correctRun(), ['repeated'], (run, pick) => {
      const index = pick(handedOut(run));
      if (index === undefined) return null;
      const copy: Message = { ...messageAt(run, index), handedOut: false };
      return { wrong: withEvents(run, inserted(run.member.events, index + 1, copy)), id: copy.message.id };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('counts what came again on another connection and was dropped, and is no fault', () => {
    let seen = 0;
    fc.assert(
      fc.property(correctRun(), (run) => {
        const { events } = run.member;
        const index = handedOut(run).find((place) =>
          events.some((event, after) => after > place && event.kind === 'session'),
        );
        if (index === undefined) return;
        const again = events.findIndex((event, after) => after > index && event.kind === 'session');
        seen += 1;
        const copy: Message = { ...messageAt(run, index), handedOut: false };
        const verdict = verdictOf(withEvents(run, inserted(events, again + 1, copy)));
        expect(verdict.faults).toEqual([]);
        expect(verdict.deduplicated).toBe(1);
      }),
    );
    expect(seen).toBeGreaterThan(10);
  });

  it('tells that two messages were swapped', () => {
    const times = timesFlagged(correctRun(), ['reordered'], (run, pick) => {
      const { events } = run.member;
      const index = pick(
        handedOut(run).filter((place) => {
          const next = events[place + 1];
          return next?.kind === 'message' && next.message.topic === messageAt(run, place).message.topic;
        }),
      );
      if (index === undefined) return null;
      const [early, late] = [messageAt(run, index), messageAt(run, index + 1)];
      return { wrong: withEvents(run, events.with(index, late).with(index + 1, early)), id: early.message.id };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('tells that an id was invented', () => {
    const times = timesFlagged(correctRun(), ['phantom'], (run, pick) => {
      const index = pick(handedOut(run));
      if (index === undefined) return null;
      const event = messageAt(run, index);
      const invented: Message = { ...event, message: { ...event.message, id: '999-0', token: 'not-published' } };
      return { wrong: withEvents(run, inserted(run.member.events, index + 1, invented)), id: '999-0' };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('tells that a message has the content of another one', () => {
    const times = timesFlagged(correctRun(), ['phantom'], (run, pick) => {
      const index = pick(handedOut(run));
      if (index === undefined) return null;
      const event = messageAt(run, index);
      const changed: Message = { ...event, message: { ...event.message, token: 'changed' } };
      return { wrong: withEvents(run, run.member.events.with(index, changed)), id: event.message.id };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('tells a message that was refused, and reached somebody', () => {
    const times = timesFlagged(correctRun(), ['phantom'], (run) => {
      const refused = run.publications.find(
        ({ outcome, topic }) => outcome.kind === 'refused' && topic !== FOREIGN_TOPIC,
      );
      if (refused === undefined) return null;
      const event: Message = {
        kind: 'message',
        at: refused.answeredAt,
        message: { topic: refused.topic, id: '998-0', token: refused.token },
        handedOut: true,
      };
      return { wrong: withEvents(run, [...run.member.events, event]), id: '998-0' };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('tells a message of a topic that the client never wanted', () => {
    const times = timesFlagged(correctRun(), ['wrong-audience'], (run) => {
      const entry = run.logs.get(FOREIGN_TOPIC)?.[0];
      if (entry === undefined) return null;
      const message = { topic: FOREIGN_TOPIC, ...entry };
      const event: Message = { kind: 'message', at: 1, message, handedOut: true };
      return { wrong: withEvents(run, inserted(run.member.events, 1, event)), id: entry.id };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('tells a message that was published well after the client had left the topic', () => {
    const times = timesFlagged(correctRun({ length: 120 }), ['wrong-audience'], (run) => {
      for (const { topic, askedAt, outcome, token } of run.publications) {
        const desiredTopics = run.member.desiredTopics.filter((desired) => desired.topic === topic);
        const isAway = desiredTopics.every(
          (desired) =>
            desired.askedAt > askedAt + 1 || (desired.endedAt !== null && desired.endedAt + ENDING_MS < askedAt),
        );
        if (topic === FOREIGN_TOPIC || outcome.kind !== 'published' || !isAway) continue;
        const { id } = outcome;
        // On a connection of its own, so that nothing but the audience is wrong.
        const event: Message = { kind: 'message', at: askedAt, message: { topic, id, token }, handedOut: true };
        const kept = run.member.events.filter((other) => other.kind !== 'message');
        return { wrong: withEvents(run, [...kept, event]), id };
      }
      return null;
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('tells that a loss was announced though the log has everything', () => {
    const times = timesFlagged(correctRun(), ['falsely-announced'], (run, pick) => {
      const index = pick(handedOut(run));
      if (index === undefined) return null;
      const { at, message } = messageAt(run, index);
      const lost: LogEvent = { kind: 'lost', at, topic: message.topic, after: '0-0', position: message.id };
      return { wrong: withEvents(run, inserted(run.member.events, index, lost)), id: message.id };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('tells that a loss was announced of messages that the log has, though it has lost others', () => {
    const times = timesFlagged(correctRun({ forgets: true }), ['falsely-announced'], (run, pick) => {
      const kept = new Set([...run.logs.values()].flatMap((log) => log.map(({ id }) => id)));
      const index = pick(handedOut(run).filter((place) => kept.has(messageAt(run, place).message.id)));
      if (index === undefined) return null;
      const { at, message } = messageAt(run, index);
      const lost: LogEvent = { kind: 'lost', at, topic: message.topic, after: '0-0', position: message.id };
      return { wrong: withEvents(run, inserted(run.member.events, index, lost)), id: message.id };
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it('tells what is gone from the log and was not announced', () => {
    const times = timesFlagged(correctRun({ forgets: true, length: 120 }), ['lost', 'falsely-recovered'], (run) => {
      const { events } = run.member;
      const truths = new Map(truthsOf(run).map((truth) => [truth.topic, truth]));
      for (const [index, event] of events.entries()) {
        if (event.kind !== 'lost') continue;
        const missed = truths
          .get(event.topic)
          ?.messages.find(
            ({ id, inLog, askedAt }) =>
              !inLog &&
              numberOf(id) > numberOf(event.after) &&
              numberOf(id) <= numberOf(event.position) &&
              !events.some((other) => other.kind === 'message' && other.message.id === id) &&
              run.member.desiredTopics.some(
                (desired) =>
                  desired.topic === event.topic &&
                  desired.since !== null &&
                  desired.since < askedAt &&
                  desired.endAskedAt === null,
              ),
          );
        if (missed === undefined) continue;
        const silent = events.filter((other, place) => place === index || other.kind !== 'lost' || place < index);
        return { wrong: withEvents(run, without(silent, silent.indexOf(event))), id: missed.id };
      }
      return null;
    });
    expect(times).toBeGreaterThan(ENOUGH);
  });

  it.each([
    ['well before the client left the topic', 1500, ['lost']],
    ['just before the client left the topic', 2900, []],
  ])('when a message was published %s', (_, publishedAt, expected) => {
    const publication = { topic: 'a', token: 't', askedAt: publishedAt, answeredAt: publishedAt + 1 };
    const run: Run = {
      publications: [{ ...publication, outcome: { kind: 'published', id: '1-0' } }],
      logs: new Map([['a', [{ id: '1-0', token: 't' }]]]),
      member: {
        member: 0,
        expectation: 'everything',
        desiredTopics: [{ topic: 'a', askedAt: 1, since: 2, endAskedAt: 3000, endedAt: 3001 }],
        events: [{ kind: 'session', at: 10, topics: new Map([['a', { position: '0-0', recovered: undefined }]]) }],
      },
      logsMayForget: false,
    };
    expect(faultsOf(run).map(({ kind }) => kind)).toEqual(expected);
  });

  it('tells that a client was never reported of a topic that it subscribed to', () => {
    const run: Run = {
      publications: [
        { topic: 'a', token: 't', askedAt: 50, answeredAt: 51, outcome: { kind: 'published', id: '1-0' } },
      ],
      logs: new Map([['a', [{ id: '1-0', token: 't' }]]]),
      member: {
        member: 0,
        expectation: 'everything',
        desiredTopics: [{ topic: 'a', askedAt: 20, since: 21, endAskedAt: null, endedAt: null }],
        events: [{ kind: 'session', at: 10, topics: new Map() }],
      },
      logsMayForget: false,
    };
    expect(faultsOf(run).map(({ kind }) => kind)).toEqual(['lost']);
  });

  it('asks nothing but order of a client whose connections are taken away', () => {
    fc.assert(
      fc.property(correctRun(), fc.nat(), (run, seed) => {
        const indexes = handedOut(run);
        const index = indexes[seed % Math.max(1, indexes.length)];
        if (index === undefined) return;
        const events = without(run.member.events, index);
        expect(faultsOf({ ...run, member: { ...run.member, expectation: 'order', events } })).toEqual([]);
      }),
    );
  });
});
