import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { published } from './checker.ts';
import { Reception } from './reception.ts';

const SLOTS = 3;

/** Arrivals at three clients of one topic, mixed in time; a message is known by its number. */
const arrivals = fc.array(fc.record({ slot: fc.nat({ max: SLOTS - 1 }), message: fc.nat({ max: 8 }) }), {
  maxLength: 80,
});

function receptionOf(all: readonly { slot: number; message: number }[]): Reception {
  const reception = new Reception(1, new Uint32Array(SLOTS));
  for (const { slot, message } of all) reception.record(slot, reception.numberOf(0, `1-${message}`, `d${message}`));
  return reception;
}

describe('a reception', () => {
  it('knows exactly what every client received, in whatever order, with whatever faults', () => {
    fc.assert(
      fc.property(arrivals, (all) => {
        const reception = receptionOf(all);
        for (let slot = 0; slot < SLOTS; slot += 1) {
          const expected = all.filter((one) => one.slot === slot).map(({ message }) => `1-${message}`);
          expect(reception.received(slot).map(({ id }) => id)).toEqual(expected);
          expect(reception.lastId(slot)).toBe(expected.at(-1));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('judges every client by what it received itself', () => {
    const reception = receptionOf([
      { slot: 0, message: 1 },
      { slot: 1, message: 1 },
      { slot: 0, message: 2 },
      { slot: 2, message: 2 },
      { slot: 1, message: 1 },
      { slot: 1, message: 2 },
    ]);
    const topic = published([
      { id: '1-1', digest: 'd1' },
      { id: '1-2', digest: 'd2' },
    ]);
    const verdicts = new Map<number, string[]>();
    reception.judgeAll([topic], (slot, { faults }) =>
      verdicts.set(
        slot,
        faults.map(({ kind, id }) => `${kind} ${id}`),
      ),
    );
    expect([...verdicts]).toEqual([
      [0, []],
      [1, ['duplicated 1-1']],
      [2, ['lost 1-1']],
    ]);
  });

  it('takes the same id with another payload for another message', () => {
    const reception = new Reception(1, new Uint32Array(2));
    reception.record(0, reception.numberOf(0, '1-1', 'right'));
    reception.record(1, reception.numberOf(0, '1-1', 'altered'));
    expect(reception.received(0)).toEqual([{ id: '1-1', digest: 'right' }]);
    expect(reception.received(1)).toEqual([{ id: '1-1', digest: 'altered' }]);
  });

  it('counts what is missing in an announced gap of one client for this client only', () => {
    const reception = new Reception(1, new Uint32Array(2));
    reception.announceGap(0, { after: '0-0', upTo: '1-1' });
    const outcomes: [number, number][] = [];
    reception.judgeAll([published([{ id: '1-1', digest: 'd' }])], (_, { faults, announced }) =>
      outcomes.push([faults.length, announced]),
    );
    expect(outcomes).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });
});
