import { describe, expect, it } from 'vitest';
import { kernelMemoryIn, memoryIn } from './machine.ts';

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
