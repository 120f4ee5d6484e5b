import { expect, it } from 'vitest';
import { Pace } from './slicer.ts';

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
  const pace = new Pace({ sliceMs: 60_000 });
  for (const number of [1, 2, 3]) void pace.run(() => done.push(number));
  expect(done).toEqual([1, 2, 3]);
});

it('work that it has no time for is done in later turns, a piece at least in each, in order', async () => {
  const turns = turnCounter();
  const pace = new Pace({ sliceMs: 0 });
  const done: { number: number; turn: number }[] = [];
  const all = Array.from({ length: 20 }, (_, number) => pace.run(() => done.push({ number, turn: turns.now() })));
  expect(done).toEqual([]);
  await Promise.all(all);
  turns.stop();
  expect(done.map(({ number }) => number)).toEqual(Array.from({ length: 20 }, (_, number) => number));
  expect(new Set(done.map(({ turn }) => turn)).size).toBe(20);
});

it('work that is asked for while others wait keeps its place behind them', async () => {
  const pace = new Pace({ sliceMs: 0 });
  const done: string[] = [];
  const first = pace.run(() => {
    done.push('first');
    void pace.run(() => done.push('asked within'));
  });
  const second = pace.run(() => done.push('second'));
  await Promise.all([first, second, pace.run(() => done.push('third'))]);
  await pace.run(() => done.push('last'));
  expect(done).toEqual(['first', 'second', 'third', 'asked within', 'last']);
});

it('work that throws rejects alone', async () => {
  const pace = new Pace({ sliceMs: 0 });
  const bad = pace.run(() => {
    throw new Error('bad');
  });
  const good = pace.run(() => undefined);
  await expect(bad).rejects.toThrow('bad');
  await good;
});
