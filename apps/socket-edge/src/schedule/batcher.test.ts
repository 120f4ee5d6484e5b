import { expect, it, onTestFinished, vi } from 'vitest';
import { Batcher } from './batcher.ts';
import { turns } from '../testing/turns.ts';

/** Work that records when it begins, and ends with `endAll`. */
function pieces() {
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const work = (number: number) => async () => {
    begun.push(number);
    await new Promise<void>((resolve) => ends.push(resolve));
    return number;
  };
  return { begun, work, endAll: () => ends.splice(0).forEach((end) => end()) };
}

const good = () => Promise.resolve('good');
const bad = () => Promise.reject(new Error('bad'));

it('alone, work is begun at once', () => {
  const { begun, work } = pieces();
  void new Batcher(2).run(work(1));
  expect(begun).toEqual([1]);
});

it('what comes while a batch is under way is begun together after it, up to its size, in order', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { begun, work, endAll } = pieces();
  const batcher = new Batcher(3);
  const all = [1, 2, 3, 4, 5, 6].map((number) => batcher.run(work(number)));
  await turns(3);
  expect(begun).toEqual([1]);
  endAll();
  await turns(3);
  expect(begun).toEqual([1, 2, 3, 4]);
  endAll();
  await turns(3);
  expect(begun).toEqual([1, 2, 3, 4, 5, 6]);
  endAll();
  expect(await Promise.all(all)).toEqual([1, 2, 3, 4, 5, 6]);
});

it('what comes soon after a batch was begun waits until the next may begin, and is begun together', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { begun, work, endAll } = pieces();
  const batcher = new Batcher(3, { everyMs: 5 });
  void batcher.run(work(1));
  endAll();
  await vi.advanceTimersByTimeAsync(1);
  void batcher.run(work(2));
  await vi.advanceTimersByTimeAsync(3);
  void batcher.run(work(3));
  expect(begun).toEqual([1]);
  await vi.advanceTimersByTimeAsync(1);
  expect(begun).toEqual([1, 2, 3]);
  endAll();
  await vi.advanceTimersByTimeAsync(5);
  void batcher.run(work(4));
  expect(begun).toEqual([1, 2, 3, 4]);
});

it('work that fails fails alone, and delays no other', async () => {
  const batcher = new Batcher(2);
  const outcomes = await Promise.allSettled([bad, good, bad, good, good].map((work) => batcher.run(work)));
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  expect(await batcher.run(good)).toBe('good');
});

it('a piece that never ends does not delay others for ever', async () => {
  const { begun, work } = pieces();
  const batcher = new Batcher(2, { timeoutMs: 1 });
  void batcher.run(work(1));
  expect(await batcher.run(good)).toBe('good');
  expect(begun).toEqual([1]);
});
