import { readFileSync } from 'node:fs';
import { platform } from 'node:os';

/** What of the kernel limits how many connections a machine can hold; null: not to be had here. */
export interface SystemFacts {
  platform: string;
  /** Limit of open files of this process. */
  maxOpenFiles: number | null;
  /** Connections that may wait to be accepted. */
  somaxconn: number | null;
  /** Bytes that all TCP sockets may hold together. Not to be had in most containers. */
  tcpMemoryLimitBytes: number | null;
  /** Bytes that they hold. */
  tcpMemoryBytes: number | null;
  /** Connections that the kernel's firewall tracks at most; null as well where it tracks none. */
  conntrackMax: number | null;
  conntrackCount: number | null;
  /** Ports for connections that this machine opens, as a proxy on it does. */
  firstLocalPort: number | null;
  lastLocalPort: number | null;
}

/** Reads a file of /proc; throws when there is none. */
type Reader = (path: string) => string;

/** Of every system that Node runs on with connections by the thousand: x86-64 and ARM64, unless the kernel is built otherwise. */
const PAGE_BYTES = 4096;

/** Reads what the kernel says of itself. Never throws: what cannot be read is null. */
export function systemFacts(read: Reader = (path) => readFileSync(path, 'utf8')): SystemFacts {
  const [firstLocalPort = null, lastLocalPort = null] = numbersIn(read, '/proc/sys/net/ipv4/ip_local_port_range');
  return {
    platform: platform(),
    maxOpenFiles: matchIn(read, '/proc/self/limits', /^Max open files\s+(\d+)/m),
    somaxconn: numberIn(read, '/proc/sys/net/core/somaxconn'),
    // Low, pressure and high: past the last no socket gets memory.
    tcpMemoryLimitBytes: pages(numbersIn(read, '/proc/sys/net/ipv4/tcp_mem')[2]),
    tcpMemoryBytes: pages(matchIn(read, '/proc/net/sockstat', /^TCP:.* mem (\d+)/m)),
    conntrackMax: numberIn(read, '/proc/sys/net/netfilter/nf_conntrack_max'),
    conntrackCount: numberIn(read, '/proc/sys/net/netfilter/nf_conntrack_count'),
    firstLocalPort,
    lastLocalPort,
  };
}

function pages(count: number | null | undefined): number | null {
  return count === null || count === undefined ? null : count * PAGE_BYTES;
}

function numberIn(read: Reader, path: string): number | null {
  return numbersIn(read, path)[0] ?? null;
}

function numbersIn(read: Reader, path: string): number[] {
  const words = textOf(read, path).split(/\s+/).filter(Boolean);
  return words.map(Number).filter((value) => Number.isFinite(value));
}

function matchIn(read: Reader, path: string, pattern: RegExp): number | null {
  const found = pattern.exec(textOf(read, path))?.[1];
  return found === undefined ? null : Number(found);
}

/** Empty where there is no such file: another system, a container without it, or a process without descriptors. */
function textOf(read: Reader, path: string): string {
  try {
    return read(path);
  } catch {
    return '';
  }
}
