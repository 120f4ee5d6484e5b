import { expect, it } from 'vitest';
import { TimeSlicer } from './slicer.ts';

/** Counts turns of the event loop until it is stopped. */
function turnCounter() {
  let turn = 0;
  let next = setImmediate(function count() {
    turn += 1;
    next = setImmediate(count);
  });
  return { now: () => turn, stop: () => clearImmediate(next) };
}

it('work that the turn has time for is done at once', () => {
  const done: number[] = [];
  const slicer = new TimeSlicer({ sliceMs: 60_000 });
  for (const number of [1, 2, 3]) void slicer.run(() => done.push(number));
  expect(done).toEqual([1, 2, 3]);
});

it('work that it has no time for is done in later turns, a piece at least in each, in order', async () => {
  const turns = turnCounter();
  const slicer = new TimeSlicer({ sliceMs: 0 });
  const done: { number: number; turn: number }[] = [];
  const all = Array.from({ length: 20 }, (_, number) => slicer.run(() => done.push({ number, turn: turns.now() })));
  expect(done).toEqual([]);
  await Promise.all(all);
  turns.stop();
  expect(done.map(({ number }) => number)).toEqual(Array.from({ length: 20 }, (_, number) => number));
  expect(new Set(done.map(({ turn }) => turn)).size).toBe(20);
});

it('work that is asked for while others wait keeps its place behind them', async () => {
  const slicer = new TimeSlicer({ sliceMs: 0 });
  const done: string[] = [];
  const first = slicer.run(() => {
    done.push('first');
    void slicer.run(() => done.push('asked within'));
  });
  const second = slicer.run(() => done.push('second'));
  await Promise.all([first, second, slicer.run(() => done.push('third'))]);
  await slicer.run(() => done.push('last'));
  expect(done).toEqual(['first', 'second', 'third', 'asked within', 'last']);
});

it('work that throws rejects alone', async () => {
  const slicer = new TimeSlicer({ sliceMs: 0 });
  const bad = slicer.run(() => {
    throw new Error('bad');
  });
  const good = slicer.run(() => undefined);
  await expect(bad).rejects.toThrow('bad');
  await good;
});
