import type { Verdict } from '@holdfast/protocol/rest/explain';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ExplainedHistory, type Fate, type HistoryEvent } from '../testing/explained-history.ts';
import { judge } from './verdict.ts';

const event: fc.Arbitrary<HistoryEvent> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('publish' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('trim' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('subscribe' as const, 'unsubscribe' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unsubscribe-unnoted' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remake' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('connect' as const), resumes: fc.boolean(), overstates: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('network-lost' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('end' as const), notedBy: fc.constantFrom('own', 'other', 'none') }),
  },
);

/** Verdicts that are true of a message of each fate. */
const TRUE_OF: Record<Fate, Verdict[]> = {
  'before-registration': ['not-registered-then'],
  'not-for-it': ['not-subscribed-then', 'subscription-ended-before'],
  live: ['delivered'],
  'by-resume': ['delivered-on-resume', 'delivered'],
  lost: ['told-lost'],
  passed: ['unknown'],
  'ended-first': ['subscription-ended-before'],
  'written-in-vain': [],
  confirmed: ['delivered'],
  claimed: [],
  waiting: ['offline-will-resume', 'expired-from-history'],
};

function historyOf(before: number, events: readonly HistoryEvent[]): ExplainedHistory {
  const history = new ExplainedHistory();
  for (let count = 0; count < before; count += 1) history.apply({ kind: 'publish' });
  history.register();
  for (const one of events) history.apply(one);
  return history;
}

const histories = fc.tuple(fc.nat({ max: 2 }), fc.array(event, { maxLength: 30 }));

/** What was judged of each message, with what is true of it. */
function judged(history: ExplainedHistory) {
  return [...history.fates].map(([id, fate]) => ({
    id,
    fate,
    isKept: history.isKept(id),
    isOfDeleted: history.isOfDeleted(id),
    ...judge(history.facts(id)),
  }));
}

/** The one that is due when every edge has told. */
function dueOf(fate: Fate, isKept: boolean): Verdict[] {
  if (fate === 'claimed') return ['unknown'];
  if (fate === 'by-resume') return ['delivered-on-resume'];
  if (fate === 'waiting') return [isKept ? 'offline-will-resume' : 'expired-from-history'];
  return TRUE_OF[fate];
}

describe('a verdict', () => {
  test('is never false, whatever happened, whichever edges have died and whichever notes are missing', () => {
    fc.assert(
      fc.property(histories, ([before, events]) => {
        const all = judged(historyOf(before, events));
        const isTrue = ({ fate, verdict }: (typeof all)[number]) => [...TRUE_OF[fate], 'unknown'].includes(verdict);
        expect(all.filter((one) => !isTrue(one))).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  test('is not unknown while every edge has noted what it knew and no network is lost, but for what only the client knows', () => {
    fc.assert(
      fc.property(histories, ([before, events]) => {
        const withNotes = events
          .filter(({ kind }) => kind !== 'network-lost' && kind !== 'unsubscribe-unnoted')
          .map((one) => (one.kind === 'end' ? { ...one, notedBy: 'own' as const } : one));
        const all = judged(historyOf(before, withNotes));
        expect(
          all.filter(
            ({ fate, isKept, isOfDeleted, verdict }) =>
              !(isOfDeleted ? ['unknown'] : dueOf(fate, isKept)).includes(verdict),
          ),
        ).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  test('comes with what it rests on, in sentences', () => {
    fc.assert(
      fc.property(histories, ([before, events]) => {
        for (const { evidence } of judged(historyOf(before, events))) {
          expect(evidence.length).toBeGreaterThan(0);
          for (const { text } of evidence) expect(text).toMatch(/^[A-Z].*\.$/);
        }
      }),
    );
  });
});
