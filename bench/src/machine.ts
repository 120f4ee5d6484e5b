import { readFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { constrainedMemory } from 'node:process';
import { withChildren } from '@holdfast/harness/cpu-time';

/** What a result was measured on. */
export interface Machine {
  processor: string;
  cores: number;
  memoryBytes: number;
  kernel: string;
  system: string;
  node: string;
  descriptors: number;
  tcpMem: string;
  ports: string;
}

const FALLBACK_DESCRIPTORS = 1024;
const UNLIMITED_DESCRIPTORS = 1_000_000;
/** Descriptors that a server needs besides its connections. */
const RESERVED_DESCRIPTORS = 500;

export async function describeMachine(): Promise<Machine> {
  const processors = cpus();
  return {
    processor: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryBytes: Math.min(totalmem(), constrainedMemory() || Infinity),
    kernel: release(),
    system: /^PRETTY_NAME="(.*)"$/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1] ?? 'unknown',
    node: process.versions.node,
    descriptors: await descriptorLimit(),
    tcpMem: await sysctl('net/ipv4/tcp_mem'),
    ports: await sysctl('net/ipv4/ip_local_port_range'),
  };
}

/** Connections that a process of ours can hold. */
export async function perProcess(): Promise<number> {
  return (await descriptorLimit()) - RESERVED_DESCRIPTORS;
}

/** Descriptors a process of ours may have: the hard limit, to which our children raise theirs. */
async function descriptorLimit(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8');
  const hard = /^Max open files\s+\S+\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (hard === 'unlimited') return UNLIMITED_DESCRIPTORS;
  return Number(hard ?? FALLBACK_DESCRIPTORS);
}

async function sysctl(name: string): Promise<string> {
  return (await readFile(`/proc/sys/${name}`, 'utf8')).trim().replaceAll(/\s+/g, ' ');
}

const PAGE_BYTES = 4096;

export interface Memory {
  /** Resident, with what is shared between processes counted in each. */
  rss: number;
  /** Resident, with what is shared divided among those that share it. */
  pss: number;
}

/** In bytes. `rollup` is /proc/PID/smaps_rollup. */
export function memoryIn(rollup: string): Memory {
  return { rss: kilobytes(rollup, 'Rss') * 1024, pss: kilobytes(rollup, 'Pss') * 1024 };
}

export interface KernelMemory {
  /** Buffers of TCP sockets, in bytes; idle sockets have none. */
  tcpBuffers: number;
  /** Objects of the kernel, sockets and what belongs to them among them, in bytes. */
  slab: number;
}

/** `sockstat` is /proc/net/sockstat, `meminfo` is /proc/meminfo. */
export function kernelMemoryIn(sockstat: string, meminfo: string): KernelMemory {
  const pages = /^TCP:.* mem (\d+)$/m.exec(sockstat)?.[1];
  return { tcpBuffers: Number(pages ?? Number.NaN) * PAGE_BYTES, slab: kilobytes(meminfo, 'Slab') * 1024 };
}

function kilobytes(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? Number.NaN);
}

/** These processes and all that they have started. */
export async function memoryOf(pids: readonly number[]): Promise<Memory> {
  const sum: Memory = { rss: 0, pss: 0 };
  for (const pid of await withChildren(pids)) {
    const { rss, pss } = memoryIn(await readFile(`/proc/${pid}/smaps_rollup`, 'latin1'));
    sum.rss += rss;
    sum.pss += pss;
  }
  return sum;
}

/** Of the whole machine: the kernel does not count it by process. */
export async function kernelMemory(): Promise<KernelMemory> {
  const [sockstat, meminfo] = await Promise.all([
    readFile('/proc/net/sockstat', 'latin1'),
    readFile('/proc/meminfo', 'latin1'),
  ]);
  return kernelMemoryIn(sockstat, meminfo);
}
