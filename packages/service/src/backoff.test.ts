import { describe, expect, test } from 'vitest';
import { jitteredDelay, repeat } from './backoff.ts';

const BACKOFF = { baseMs: 50, capMs: 1_000 };
const MANY = 2_000;

const fail = (error: unknown): never => {
  throw error;
};

/** Resolves when a timer of the loop that was due before this one would have fired. */
const laterThan = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

describe('delays', () => {
  test('the first is between nothing and the base, and the bound doubles up to the cap', () => {
    for (const [attempt, bound] of [
      [1, 50],
      [2, 100],
      [3, 200],
      [5, 800],
      [6, 1_000],
      [5_000, 1_000],
    ] as const) {
      const delays = Array.from({ length: MANY }, () => jitteredDelay(BACKOFF, attempt));
      expect(Math.max(...delays)).toBeLessThanOrEqual(bound);
      // Of 2,000 uniform draws some lie in the upper and some in the lower tenth.
      expect(Math.max(...delays)).toBeGreaterThan(bound * 0.9);
      expect(Math.min(...delays)).toBeLessThan(bound * 0.1);
    }
  });
});

describe('repeat', () => {
  test('never runs twice at a time', async () => {
    let running = 0;
    let most = 0;
    let runs = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const run = async (): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      // Longer than the interval: a timer that does not wait would start the next run in between.
      await new Promise((done) => setTimeout(done, 20));
      running -= 1;
      runs += 1;
      if (runs === 3) resolve();
    };
    const stop = repeat(run, { intervalMs: 1, onError: fail });
    await promise;
    stop();
    expect(most).toBe(1);
  });

  test('tells what a run threw, at once or later, and goes on', async () => {
    const errors: unknown[] = [];
    let runs = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const run = (): Promise<void> => {
      runs += 1;
      if (runs === 1) throw new Error('at once');
      if (runs === 2) return Promise.reject(new Error('later'));
      resolve();
      return Promise.resolve();
    };
    const stop = repeat(run, { intervalMs: 1, jitter: 0.5, onError: (error) => errors.push(error) });
    await promise;
    stop();
    expect(errors).toEqual([new Error('at once'), new Error('later')]);
  });

  test('starts nothing more after its stop, also when stopped from within a run', async () => {
    let runs = 0;
    const stop = repeat(
      () => {
        runs += 1;
        stop();
      },
      { intervalMs: 1, onError: fail },
    );
    await expect.poll(() => runs).toBe(1);
    await laterThan(5);
    expect(runs).toBe(1);
  });

  test('starts nothing more after the abort, and nothing at all after an earlier one', async () => {
    let runs = 0;
    const count = (): void => {
      runs += 1;
    };
    const controller = new AbortController();
    repeat(count, { intervalMs: 1, signal: controller.signal, onError: fail });
    controller.abort();
    repeat(count, { intervalMs: 1, signal: controller.signal, onError: fail });
    await laterThan(5);
    expect(runs).toBe(0);
  });
});
