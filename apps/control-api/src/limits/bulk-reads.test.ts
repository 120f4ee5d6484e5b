import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { BulkReads, CallerGone } from './bulk-reads.ts';

const here = () => false;

describe('bulk reads', () => {
  test('are one at a time, each caller in turn, however many one of them asks for', async () => {
    const reads = new BulkReads();
    const order: string[] = [];
    let reading = 0;
    const read = (caller: string) =>
      reads.run(caller, here, async () => {
        reading += 1;
        expect(reading).toBe(1);
        await new Promise(setImmediate);
        reading -= 1;
        order.push(caller);
      });
    await Promise.all(['a', 'a', 'a', 'a', 'b', 'c', 'b'].map(read));
    expect(order).toEqual(['a', 'a', 'b', 'c', 'a', 'b', 'a']);
  });

  test('whose caller has hung up while they waited are not done, and those behind them are', async () => {
    const reads = new BulkReads();
    const { promise, resolve } = Promise.withResolvers<void>();
    const first = reads.run('a', here, () => promise);
    let gone = false;
    const second = reads.run(
      'a',
      () => gone,
      () => Promise.reject(new Error('it was read')),
    );
    const third = reads.run('a', here, () => Promise.resolve('third'));
    gone = true;
    resolve();
    await first;
    await expect(second).rejects.toThrow(CallerGone);
    expect(await third).toBe('third');
  });

  test('have a fifth of the time at first, a fortieth in the long run, and a fifth again after a pause', async () => {
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const reads = new BulkReads();
    let readMs = 0;
    const readOn = async ({ signal }: AbortController) => {
      while (!signal.aborted) {
        await reads.run('a', here, () => new Promise<void>((resolve) => setTimeout(resolve, 2)));
        readMs += 2;
      }
    };
    const readIn = async (ms: number) => {
      const before = readMs;
      await vi.advanceTimersByTimeAsync(ms);
      return readMs - before;
    };
    const first = new AbortController();
    const reading = [readOn(first), readOn(first)];
    expect(await readIn(500)).toBeCloseTo(100, -1);
    await readIn(1000);
    expect(await readIn(10_000)).toBeCloseTo(250, -2);
    first.abort();
    await readIn(10_000);
    await Promise.all(reading);
    const second = new AbortController();
    const again = readOn(second);
    expect(await readIn(400)).toBeCloseTo(80, -1);
    second.abort();
    await readIn(200);
    await again;
  });

  test('that fail let the next one begin', async () => {
    const reads = new BulkReads();
    const failing = reads.run('a', here, () => Promise.reject(new Error('no')));
    const next = reads.run('a', here, () => Promise.resolve(1));
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe(1);
  });
});
