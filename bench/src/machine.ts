import { readFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { constrainedMemory } from 'node:process';

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
