import { readFile, writeFile } from 'node:fs/promises';
import { exitCleanUp } from '@holdfast/local/exit-clean-up';
import { isThere } from '../native.ts';

/** Pages that a socket may have in its buffers when a broadcast passes; a connection has both its ends here. */
const PAGES_A_CONNECTION = 4;
/** Both ends of a connection, and what watches them. */
const FILES_A_CONNECTION = 3;
const OTHER_FILES = 100_000;
/** Handshakes that may wait to be accepted. */
const BACKLOG = 4096;
/** The generators take another address of their own for every 16 connections. */
const PORTS = { first: 10_000, last: 60_999, least: 1000 };

/** A limit of the kernel: what it must be for so many connections, null when it is enough as it is. */
interface Limit {
  name: string;
  wanted: (now: readonly number[], connections: number) => readonly number[] | null;
}

const LIMITS: readonly Limit[] = [
  {
    // Least, pressure, most, in pages. Above pressure the kernel takes memory from sockets.
    name: 'net.ipv4.tcp_mem',
    wanted: ([, pressure = 0], connections) => {
      const pages = connections * PAGES_A_CONNECTION;
      return pressure >= pages ? null : [pages, pages, pages + pages / 2];
    },
  },
  {
    name: 'fs.file-max',
    wanted: ([now = 0], connections) => atLeast(now, connections * FILES_A_CONNECTION + OTHER_FILES),
  },
  { name: 'net.core.somaxconn', wanted: ([now = 0]) => atLeast(now, BACKLOG) },
  {
    name: 'net.ipv4.ip_local_port_range',
    wanted: ([first = 0, last = 0]) => (last - first >= PORTS.least ? null : [PORTS.first, PORTS.last]),
  },
  {
    // Only where the firewall follows connections.
    name: 'net.netfilter.nf_conntrack_max',
    wanted: ([now = 0], connections) => atLeast(now, connections + OTHER_FILES),
  },
];

function atLeast(now: number, least: number): readonly number[] | null {
  return now >= least ? null : [least];
}

export interface Change {
  name: string;
  from: string;
  to: string;
}

/** What would have to be changed for so many connections; `read` gives a limit as it is, null where there is none. */
export async function changesFor(
  connections: number,
  read: (name: string) => Promise<string | null> = readLimit,
): Promise<Change[]> {
  const changes: Change[] = [];
  for (const { name, wanted } of LIMITS) {
    const from = await read(name);
    const to = from === null ? null : wanted(from.split(/\s+/).map(Number), connections);
    if (from !== null && to !== null) changes.push({ name, from, to: to.join(' ') });
  }
  return changes;
}

/** Changes them, and changes them back when disposed of, or when this process is gone. Rejects when it may not. */
export async function raised(changes: readonly Change[]): Promise<AsyncDisposable> {
  const back = changes.flatMap(({ name, from }) => [fileOf(name), from]);
  const revokeCleanUp = exitCleanUp('while [ $# -gt 1 ]; do echo "$2" > "$1"; shift 2; done', back);
  for (const { name, to } of changes) await writeFile(fileOf(name), to);
  return {
    [Symbol.asyncDispose]: async () => {
      for (const { name, from } of changes) await writeFile(fileOf(name), from);
      revokeCleanUp();
    },
  };
}

async function readLimit(name: string): Promise<string | null> {
  const file = fileOf(name);
  return (await isThere(file)) ? (await readFile(file, 'utf8')).trim().replaceAll(/\s+/g, ' ') : null;
}

function fileOf(name: string): string {
  return `/proc/sys/${name.replaceAll('.', '/')}`;
}
