import type { Verdict } from '@holdfast/protocol/rest/explain';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ExplainedHistory, type Fate, type HistoryEvent } from '../testing/explained-history.ts';
import { judge } from './verdict.ts';

const event: fc.Arbitrary<HistoryEvent> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('publish' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('trim' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('subscribe' as const, 'unsubscribe' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('connect' as const), resumes: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('end' as const), notedByOwn: fc.boolean() }) },
);

/** Verdicts that are true of a message of each fate; the first is the one that is due when every edge has told. */
const TRUE_OF: Record<Fate, Verdict[]> = {
  'before-registration': ['not-registered-then'],
  'not-for-it': ['not-subscribed-then', 'subscription-ended-before'],
  live: ['delivered'],
  'by-resume': ['delivered-on-resume', 'delivered'],
  lost: ['told-lost'],
  passed: ['unknown'],
  'ended-first': ['subscription-ended-before'],
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

describe('a verdict', () => {
  test('is never false, whatever happened and whichever edges have died', () => {
    fc.assert(
      fc.property(histories, ([before, events]) => {
        const history = historyOf(before, events);
        for (const [id, fate] of history.fates) {
          const { verdict, evidence } = judge(history.facts(id));
          expect([...TRUE_OF[fate], 'unknown'], JSON.stringify({ id, fate, evidence })).toContain(verdict);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('is not unknown while every edge has noted what it knew, but for what only the client knows', () => {
    fc.assert(
      fc.property(histories, ([before, events]) => {
        const noted = events.map((one) => (one.kind === 'end' ? { ...one, notedByOwn: true } : one));
        const history = historyOf(before, noted);
        for (const [id, fate] of history.fates) {
          const { verdict, evidence } = judge(history.facts(id));
          const due = fate === 'by-resume' ? ['delivered-on-resume'] : TRUE_OF[fate];
          expect(due, JSON.stringify({ id, fate, evidence })).toContain(verdict);
          if (fate === 'waiting') expect(verdict === 'offline-will-resume').toBe(history.isKept(id));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('comes with what it rests on, and of an unknown one it says what is missing', () => {
    fc.assert(
      fc.property(histories, ([before, events]) => {
        const history = historyOf(before, events);
        for (const id of history.fates.keys()) {
          const { evidence } = judge(history.facts(id));
          expect(evidence.length).toBeGreaterThan(0);
          for (const { text } of evidence) expect(text).toMatch(/^[A-Z].*\.$/);
        }
      }),
    );
  });
});
