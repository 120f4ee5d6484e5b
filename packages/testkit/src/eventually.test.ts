import { describe, expect, it } from 'vitest';
import { eventually } from './eventually.ts';

describe('eventually', () => {
  it('tries until the assertion no longer throws, and gives what it gives', async () => {
    let tries = 0;
    const value = await eventually(() => {
      tries += 1;
      expect(tries).toBe(3);
      return 'done';
    });
    expect([value, tries]).toEqual(['done', 3]);
  });

  it('waits for an assertion that is asynchronous', async () => {
    let tries = 0;
    await eventually(async () => {
      tries += 1;
      await expect(Promise.resolve(tries)).resolves.toBe(2);
    });
    expect(tries).toBe(2);
  });

  it('throws the last error when the time is over', async () => {
    let tries = 0;
    const attempt = eventually(
      () => {
        tries += 1;
        throw new Error(`try ${tries}`);
      },
      { timeoutMs: 50 },
    );
    const error = await attempt.catch((reason: unknown) => reason);
    expect(tries).toBeGreaterThan(1);
    expect(error).toEqual(new Error(`try ${tries}`));
  });

  it('tries once when there is no time at all', async () => {
    expect(await eventually(() => 1, { timeoutMs: 0 })).toBe(1);
  });
});
