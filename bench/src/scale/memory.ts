import { readFile } from 'node:fs/promises';
import { kernelMemory, memoryOf } from '../proc.ts';

/** Where the machine's memory is, in bytes. */
export interface MemoryMap {
  edges: number;
  controls: number;
  redis: number;
  generators: number;
  /** This process. */
  harness: number;
  /** Sockets of both ends and what belongs to them, and their buffers. */
  kernelObjects: number;
  kernelBuffers: number;
  available: number;
}

export interface Processes {
  edges: readonly number[];
  controls: readonly number[];
  redis: readonly number[];
  generators: readonly number[];
}

export async function memoryMap(processes: Processes): Promise<MemoryMap> {
  const { slab, tcpBuffers } = await kernelMemory();
  return {
    edges: await pss(processes.edges),
    controls: await pss(processes.controls),
    redis: await pss(processes.redis),
    generators: await pss(processes.generators),
    harness: process.memoryUsage.rss(),
    kernelObjects: slab,
    kernelBuffers: tcpBuffers,
    available: availableIn(await readFile('/proc/meminfo', 'latin1')),
  };
}

async function pss(pids: readonly number[]): Promise<number> {
  return (await memoryOf(pids)).pss;
}

/** `meminfo` is /proc/meminfo. */
function availableIn(meminfo: string): number {
  return Number(/^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1] ?? Number.NaN) * 1024;
}
