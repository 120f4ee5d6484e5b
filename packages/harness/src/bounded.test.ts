import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { forEachBounded } from './bounded.ts';

it('does everything once, and never more at a time than allowed', async () => {
  const done: number[] = [];
  let running = 0;
  let most = 0;
  await forEachBounded(Array(50).keys(), 7, async (index) => {
    running += 1;
    most = Math.max(most, running);
    await turn();
    running -= 1;
    done.push(index);
  });
  expect(done.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index));
  expect(most).toBe(7);
});

it('begins nothing more after a failure, awaits the rest, and rejects with the first', async () => {
  const begun: number[] = [];
  let ended = 0;
  const all = forEachBounded(Array(100).keys(), 4, async (index) => {
    begun.push(index);
    await turn();
    ended += 1;
    if (index === 5) throw new Error('the sixth');
  });
  await expect(all).rejects.toThrow('the sixth');
  expect(ended).toBe(begun.length);
  expect(begun.length).toBeLessThan(12);
});

it('begins nothing more once it is aborted', async () => {
  const interruption = new AbortController();
  let begun = 0;
  const all = forEachBounded(
    Array(100).keys(),
    2,
    async () => {
      begun += 1;
      await turn();
      if (begun >= 10) interruption.abort(new Error('enough'));
    },
    interruption.signal,
  );
  await expect(all).rejects.toThrow('enough');
  expect(begun).toBeLessThan(14);
});
