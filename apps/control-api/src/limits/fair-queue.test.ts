import { describe, expect, test } from 'vitest';
import { ProblemError } from '../http/problem-error.ts';
import { FairQueue } from './fair-queue.ts';

const turn = () => new Promise(setImmediate);

describe('turns', () => {
  test('a caller has so many calls at once, the others wait in order, and another caller waits for none of them', async () => {
    const turns = new FairQueue();
    const limits = { concurrent: 2, total: 10 };
    const begun: number[] = [];
    for (let call = 0; call < 5; call += 1) void Promise.resolve(turns.enter('a', limits)).then(() => begun.push(call));
    await turn();
    await turn();
    expect(begun).toEqual([0, 1]);
    expect(turns.enter('b', limits)).toBeUndefined();
    for (let left = 0; left < 5; left += 1) {
      turns.leave('a');
      await turn();
      await turn();
    }
    expect(begun).toEqual([0, 1, 2, 3, 4]);
    expect(turns.enter('a', { concurrent: 1, total: 1 })).toBeUndefined();
  });

  test('few begin in one turn of the event loop, and a caller with many leaves room for one with a single call', async () => {
    const turns = new FairQueue();
    const limits = { concurrent: 100, total: 100 };
    const begun: string[] = [];
    const enter = (name: string) => void Promise.resolve(turns.enter(name, limits)).then(() => begun.push(name));
    for (let call = 0; call < 40; call += 1) enter('many');
    enter('single');
    await turn();
    await turn();
    expect(begun.length).toBeLessThan(30);
    expect(begun).toContain('single');
    await expect.poll(() => begun.length).toBe(41);
  });

  test('past its calls in all a caller is refused, and has room again when one has left', () => {
    const turns = new FairQueue();
    const limits = { concurrent: 1, total: 2 };
    void turns.enter('a', limits);
    void turns.enter('a', limits);
    expect(() => turns.enter('a', limits)).toThrow(ProblemError);
    turns.leave('a');
    expect(() => turns.enter('a', limits)).not.toThrow();
  });
});
