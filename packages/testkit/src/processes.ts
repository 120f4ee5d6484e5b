import { readdirSync, readFileSync } from 'node:fs';

/** The processes that this one started and that have not ended, by `/proc`: Linux only. */
export function childrenOf(pid: number): number[] {
  return processes().flatMap(([child, parent]) => (parent === pid ? [child] : []));
}

/** Its children, theirs, and so on. */
export function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

/** The command line of a process; empty when it has ended. */
export function commandOf(pid: number): string {
  return readProc(`${pid}/cmdline`).replaceAll('\0', ' ').trim();
}

/** The resident memory of a process, in bytes; NaN when it has ended. */
export function residentBytesOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readProc(`${pid}/status`))?.[1]) * 1024;
}

function processes(): [pid: number, parent: number][] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    // "1234 (name) S 1 …", and a name may hold anything, a parenthesis too.
    const stat = readProc(`${name}/stat`);
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    return [[Number(name), parent]];
  });
}

/** Empty for a process that ended this moment. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'latin1');
  } catch (error) {
    if (error instanceof Error && 'code' in error) return '';
    throw error;
  }
}
