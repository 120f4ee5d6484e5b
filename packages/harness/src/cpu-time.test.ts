import { describe, expect, it } from 'vitest';
import { cpuSeconds, cpuSecondsIn } from './cpu-time.ts';

describe('what the kernel accounts to a process', () => {
  it('is its user and its system time, whatever its name looks like', () => {
    const stat = '42 (a) S (b) R) S 1 42 42 0 -1 4194560 9 0 0 0 250 125 7 9 20 0 1 0 100 1000 10';
    expect(cpuSecondsIn(stat)).toBe(3.75);
  });

  it('grows while it works', async () => {
    const before = await cpuSeconds([process.pid]);
    // More than a tick of the kernel's clock.
    while ((await cpuSeconds([process.pid])) === before) JSON.parse(JSON.stringify(Array.from({ length: 10_000 })));
    expect(await cpuSeconds([process.pid])).toBeGreaterThan(before);
  });
});
