import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Entry, type Gap, faultKinds, judge, published } from './checker.ts';

const entry = (number: number): Entry => ({
  id: `${1000 + Math.floor(number / 3)}-${number % 3}`,
  digest: `d${number}`,
});
const log = (length: number) => Array.from({ length }, (_, number) => entry(number));
const lengths = fc.integer({ min: 2, max: 60 });
const places = fc.nat();

/** The counts of a verdict, by kind. */
function counts(topic: readonly Entry[], received: readonly Entry[], gaps: readonly Gap[] = []) {
  const { faults, announced } = judge(published(topic), received, gaps);
  const byKind = Object.fromEntries(faultKinds.map((kind) => [kind, faults.filter((one) => one.kind === kind).length]));
  return { ...byKind, announced };
}

const flawless = { lost: 0, duplicated: 0, reordered: 0, phantom: 0, announced: 0 };

describe('the checker finds nothing in', () => {
  it('a log that is right, whatever the order in which its publishes were answered', () => {
    fc.assert(
      fc.property(lengths, fc.infiniteStream(fc.nat()), (length, draws) => {
        const answered = log(length)
          .map((one) => ({ one, at: draws.next().value }))
          .toSorted((a, b) => a.at - b.at)
          .map(({ one }) => one);
        expect(counts(answered, log(length))).toEqual(flawless);
      }),
    );
  });

  it('a topic on which nothing was published and nothing was received', () => {
    expect(counts([], [])).toEqual(flawless);
  });
});

describe('the checker flags a log made wrong on purpose:', () => {
  it('each message left out, at the beginning, in the middle and at the end, is lost', () => {
    fc.assert(
      fc.property(lengths, fc.array(places, { minLength: 1, maxLength: 10 }), (length, drawn) => {
        const missing = new Set(drawn.map((place) => place % length));
        const received = log(length).filter((_, number) => !missing.has(number));
        const verdict = judge(published(log(length)), received, []);
        expect(verdict.faults.map(({ kind, id }) => `${kind} ${id}`).toSorted()).toEqual(
          [...missing].map((number) => `lost ${entry(number).id}`).toSorted(),
        );
      }),
    );
  });

  it('a message received again, at once or later, is duplicated', () => {
    fc.assert(
      fc.property(lengths, places, places, (length, which, later) => {
        const number = which % length;
        const at = number + 1 + (later % (length - number));
        expect(counts(log(length), log(length).toSpliced(at, 0, entry(number)))).toEqual({
          ...flawless,
          duplicated: 1,
        });
      }),
    );
  });

  it('a message received after a later one is reordered', () => {
    fc.assert(
      fc.property(lengths, places, places, (length, which, later) => {
        const number = which % (length - 1);
        const distance = 1 + (later % (length - number - 1));
        const received = log(length).toSpliced(number, 1);
        received.splice(number + distance, 0, entry(number));
        expect(counts(log(length), received)).toEqual({ ...flawless, reordered: 1 });
      }),
    );
  });

  it('a message that was never published on the topic is a phantom', () => {
    fc.assert(
      fc.property(lengths, places, places, (length, at, number) => {
        const foreign = { id: `1-${number % 10_000}`, digest: 'foreign' };
        expect(counts(log(length), log(length).toSpliced(at % (length + 1), 0, foreign))).toEqual({
          ...flawless,
          phantom: 1,
        });
      }),
    );
  });

  it('a message with another payload is a phantom, and not lost as well', () => {
    fc.assert(
      fc.property(lengths, places, (length, which) => {
        const number = which % length;
        const altered = { ...entry(number), digest: 'altered' };
        expect(counts(log(length), log(length).with(number, altered))).toEqual({ ...flawless, phantom: 1 });
      }),
    );
  });

  it('any sequence that is not exactly what was published, in its order', () => {
    const numbers = fc.array(fc.nat({ max: 6 }), { maxLength: 10 });
    fc.assert(
      fc.property(numbers, fc.nat({ max: 6 }), (received, length) => {
        const isRight = received.length === length && received.every((number, index) => number === index);
        const { faults } = judge(published(log(length)), received.map(entry), []);
        expect(faults.length === 0).toBe(isRight);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('an announced gap', () => {
  it('excuses what is missing in it, and nothing else', () => {
    fc.assert(
      fc.property(lengths, places, places, places, (length, first, count, alsoMissing) => {
        const from = first % length;
        const to = from + (count % (length - from));
        const outside = alsoMissing % length;
        const received = log(length).filter((_, number) => (number < from || number > to) && number !== outside);
        const gap = { after: from === 0 ? '0-0' : entry(from - 1).id, upTo: entry(to).id };
        const isOutside = outside < from || outside > to;
        expect(counts(log(length), received, [gap])).toEqual({
          ...flawless,
          lost: isOutside ? 1 : 0,
          announced: to - from + 1,
        });
      }),
    );
  });
});
