import { describe, expect, it } from 'vitest';
import { cpuSeconds, cpuSecondsIn, kernelMemoryIn, memoryIn } from './machine.ts';

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

describe('memory', () => {
  it('is read as shared among processes, and as resident in each, in bytes', () => {
    const rollup = '5581-7ffd [rollup]\nRss:    2000 kB\nPss:    1500 kB\nPss_Dirty:  900 kB\n';
    expect(memoryIn(rollup)).toEqual({ rss: 2_048_000, pss: 1_536_000 });
  });

  it('of the kernel is its buffers for TCP and its objects', () => {
    const sockstat = 'sockets: used 90\nTCP: inuse 4 orphan 0 tw 2 alloc 4 mem 25\nUDP: inuse 0 mem 7\n';
    const meminfo = 'MemTotal: 100 kB\nSlab:            300 kB\nSReclaimable: 200 kB\n';
    expect(kernelMemoryIn(sockstat, meminfo)).toEqual({ tcpBuffers: 102_400, slab: 307_200 });
  });
});
