import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { correctPresence } from '../../testing/correct-presence.ts';
import { type PresenceRun, indexSpans, judgePresence, resumesIn } from './judge.ts';
import type { MemberSpans, Shown, Span, WatchEvent } from './log.ts';

const LATE_MS = 15_001;

/** A run of 100 s without a fault, of which a test changes what it is about. */
const run: PresenceRun = { brokenAt: 0, healedAt: 0, endAt: 100_000, stays: true };
/** Under an id of its own, as long as nothing else is said. */
function shown(who: string, id: string = who): Shown {
  return { id, member: who };
}

const watching: readonly WatchEvent[] = [
  { kind: 'connected', at: 100 },
  { kind: 'known', at: 200, members: [shown('ann'), shown('bob')] },
  { kind: 'changed', at: 200, count: 2, size: 2 },
];

function member(name: string, ...spans: Span[]): MemberSpans {
  return { member: name, spans, isUncertain: false };
}

const always = [member('ann', { from: 0, to: null }), member('bob', { from: 0, to: null })];

function judged(
  events: readonly WatchEvent[],
  truth: readonly MemberSpans[] = always,
  more: Partial<PresenceRun> = {},
): string[] {
  const log = { watcher: 1, isReliable: true, events };
  return judgePresence(log, indexSpans(truth), { ...run, ...more }).map(({ kind, member: who }) => `${kind} ${who}`);
}

const left = (at: number, who: string, size: number, id?: string): WatchEvent[] => [
  { kind: 'left', at, ...shown(who, id) },
  { kind: 'changed', at, count: size, size },
];
const joined = (at: number, who: string, size: number, id?: string): WatchEvent[] => [
  { kind: 'joined', at, ...shown(who, id) },
  { kind: 'changed', at, count: size, size },
];

/** Bob, under two ids until then. */
const renamed = (until: number): WatchEvent[] => [
  { kind: 'connected', at: 100 },
  { kind: 'known', at: 200, members: [shown('ann'), shown('bob', 'old'), shown('bob', 'young')] },
  { kind: 'changed', at: 200, count: 3, size: 3 },
  ...left(until, 'bob', 2, 'old'),
];

describe('the judge of presence', () => {
  it('finds nothing in what is right', () => {
    const history = fc.property(correctPresence, ({ log, truth, endAt }) => {
      expect(judgePresence(log, indexSpans(truth), { ...run, endAt })).toEqual([]);
    });
    fc.assert(history, { numRuns: 300 });
  });

  it('finds every event that is taken out of what is right, or comes twice', () => {
    const history = fc.property(correctPresence, fc.nat(), fc.boolean(), ({ log, truth, endAt }, index, isTwice) => {
      const changes = log.events.filter(({ kind }) => kind === 'joined' || kind === 'left');
      const victim = changes[index % Math.max(1, changes.length)];
      fc.pre(victim !== undefined);
      const events = log.events.flatMap((event) => (event !== victim ? [event] : isTwice ? [event, event] : []));
      expect(judgePresence({ ...log, events }, indexSpans(truth), { ...run, endAt })).not.toEqual([]);
    });
    fc.assert(history, { numRuns: 300 });
  });

  it('finds a member that is shown for 15 s after it went, and none that is shown for less', () => {
    const gone = [always[0] ?? member(''), member('bob', { from: 0, to: 10_000 })];
    expect(judged(watching, gone)).toEqual(['stale bob']);
    expect(judged([...watching, ...left(10_000 + LATE_MS, 'bob', 1)], gone)).toEqual(['stale bob']);
    expect(judged([...watching, ...left(24_000, 'bob', 1)], gone)).toEqual([]);
  });

  it('finds one that was never there', () => {
    expect(judged(watching, always.slice(0, 1))).toEqual(['stale bob']);
  });

  it('finds a member that is there and not shown for 15 s', () => {
    const three = [...always, member('eve', { from: 20_000, to: null })];
    expect(judged(watching, three)).toEqual(['missing eve']);
    expect(judged([...watching, ...joined(20_000 + LATE_MS, 'eve', 3)], three)).toEqual(['missing eve']);
    expect(judged([...watching, ...joined(34_000, 'eve', 3)], three)).toEqual([]);
  });

  it('finds a join without a leave before it, and a leave without a join', () => {
    expect(judged([...watching, ...joined(500, 'ann', 2)])).toEqual(['joined-twice ann']);
    expect(judged([...watching, ...left(500, 'dan', 2)])).toEqual(['left-unjoined dan']);
  });

  it('finds a map that is not what the events say', () => {
    const events: WatchEvent[] = [...watching, { kind: 'changed', at: 500, count: 3, size: 3 }];
    expect(judged(events)).toEqual([
      'map-differs 3 members, and 2 by the events',
      'wrong-count a count of 3 with 2 members',
    ]);
  });

  describe('of a member with two ids at once', () => {
    const lossy = { stays: false };

    it('finds nothing where the earlier one is gone within 15 s', () => {
      expect(judged(renamed(14_000), always, lossy)).toEqual([]);
      const events = [...watching, ...joined(20_000, 'bob', 3, 'young'), ...left(34_000, 'bob', 2)];
      expect(judged(events, always, lossy)).toEqual([]);
    });

    it('finds that it is shown so for longer', () => {
      expect(judged(renamed(200 + LATE_MS), always, lossy)).toEqual(['shown-twice bob']);
      const events = [...watching, ...joined(20_000, 'bob', 3, 'young')];
      expect(judged(events, always, lossy)).toEqual(['shown-twice bob']);
    });

    it('finds a map that has lost one of them without a leave, and a leave of the other one', () => {
      const lost: WatchEvent = { kind: 'changed', at: 900, count: 2, size: 2 };
      expect(judged([...renamed(800).slice(0, 3), lost], always, lossy)).toEqual([
        'map-differs 2 members, and 3 by the events',
        'wrong-count a count of 2 with 3 members',
        'shown-twice bob',
      ]);
      expect(judged([...renamed(800), ...left(900, 'bob', 2, 'old')], always, lossy)).toEqual(['left-unjoined bob']);
    });

    it('finds the leave where Redis forgets nothing: an id stays what it is', () => {
      expect(judged(renamed(800))).toEqual(['left-and-back bob']);
    });
  });

  it('finds a count that is wrong in the end', () => {
    const events: WatchEvent[] = [...watching, { kind: 'changed', at: 500, count: 3, size: 2 }];
    expect(judged(events)).toEqual(['wrong-count a count of 3 with 2 members']);
    expect(judged([...events, { kind: 'changed', at: 900, count: 2, size: 2 }])).toEqual([]);
  });

  it('finds a leave of one that was back in time, or never away, where Redis forgets nothing', () => {
    const back = [always[0] ?? member(''), member('bob', { from: 0, to: 10_000 }, { from: 12_000, to: null })];
    const events = [...watching, ...left(10_500, 'bob', 1), ...joined(12_500, 'bob', 2)];
    expect(judged(events, back)).toEqual(['left-and-back bob']);
    expect(judged(events, back, { stays: false })).toEqual([]);
    expect(judged(events)).toEqual(['left-and-back bob']);
    expect(resumesIn(indexSpans(back), run)).toBe(1);
    const late = [always[0] ?? member(''), member('bob', { from: 0, to: 10_000 }, { from: 14_000, to: null })];
    expect(judged([...watching, ...left(14_100, 'bob', 1), ...joined(14_400, 'bob', 2)], late)).toEqual([]);
    expect(resumesIn(indexSpans(late), run)).toBe(0);
  });

  it('counts nothing against the fault while it lasts, and 15 s from its end', () => {
    const gone = [always[0] ?? member(''), member('bob', { from: 0, to: 10_000 })];
    const broken = { brokenAt: 9000, healedAt: 40_000 };
    expect(judged([...watching, ...left(54_000, 'bob', 1)], gone, broken)).toEqual([]);
    expect(judged([...watching, ...left(55_002, 'bob', 1)], gone, broken)).toEqual(['stale bob']);
  });

  it('counts nothing against the time in which the watcher had no connection, nor of one that did not read', () => {
    const gone = [always[0] ?? member(''), member('bob', { from: 0, to: 10_000 })];
    const away: WatchEvent[] = [
      ...watching,
      { kind: 'disconnected', at: 12_000 },
      { kind: 'connected', at: 80_000 },
      ...left(80_100, 'bob', 1),
    ];
    expect(judged(away, gone)).toEqual([]);
    const log = { watcher: 1, isReliable: false, events: watching };
    expect(judgePresence(log, indexSpans(gone), run)).toEqual([]);
  });

  it('says nothing of members whose connection may be over without their knowledge', () => {
    const gone: MemberSpans[] = [
      ...always.slice(0, 1),
      { ...member('bob', { from: 0, to: 10_000 }), isUncertain: true },
    ];
    expect(judged(watching, gone)).toEqual([]);
  });
});
