import { describe, expect, it } from 'vitest';
import { Gate } from './gate.ts';
import { turns } from '../testing/turns.ts';

/** Work that is under way until the test ends it. */
function pieces(gate: Gate, count: number) {
  const started: number[] = [];
  const ends: PromiseWithResolvers<void>[] = [];
  const results = Array.from({ length: count }, (_, index) => {
    const end = Promise.withResolvers<void>();
    ends.push(end);
    return gate.run(async () => {
      started.push(index);
      await end.promise;
      return index;
    });
  });
  return { started, ends, results };
}

describe('a gate', () => {
  it('lets so many pieces of work run at a time, and the others in the order in which they came', async () => {
    const { started, ends, results } = pieces(new Gate(2), 5);
    await turns(2);
    expect(started).toEqual([0, 1]);
    ends[1]?.resolve();
    await turns(2);
    expect(started).toEqual([0, 1, 2]);
    ends.forEach(({ resolve }) => resolve());
    expect(await Promise.all(results)).toEqual([0, 1, 2, 3, 4]);
  });

  it('passes on what fails, and lets the next one in', async () => {
    const gate = new Gate(1);
    const { started, ends, results } = pieces(gate, 2);
    ends[0]?.reject(new Error('no'));
    await expect(results[0]).rejects.toThrow('no');
    await turns(2);
    expect(started).toEqual([0, 1]);
    ends[1]?.resolve();
    await results[1];
    // Everything is given back: the gate is as wide as before.
    expect(await gate.run(() => Promise.resolve('in'))).toBe('in');
  });
});
