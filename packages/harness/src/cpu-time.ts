import { readFile, readdir } from 'node:fs/promises';

/**
 * USER_HZ: 100 on every Linux that Node runs on. User and system time are each rounded down to it, so that of two reads
 * the difference is known to 20 ms a process: 2.8 µs a handshake in one round of 8000 connections.
 */
const TICKS_PER_SECOND = 100;

/** What the kernel has accounted to a process: user and system time, in seconds. `stat` is /proc/PID/stat. */
export function cpuSecondsIn(stat: string): number {
  // "1234 (name) S …", and a name may hold anything, a parenthesis too. utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** These processes and all that they have started, in seconds of user and system time. */
export async function cpuSeconds(pids: readonly number[]): Promise<number> {
  let sum = 0;
  for (const pid of await withChildren(pids)) sum += cpuSecondsIn(await readFile(`/proc/${pid}/stat`, 'latin1'));
  return sum;
}

/** The processes, and all that they have started. One that ends meanwhile has none. */
export async function withChildren(pids: readonly number[]): Promise<number[]> {
  const all: number[] = [];
  const left = [...pids];
  for (let pid = left.pop(); pid !== undefined; pid = left.pop()) {
    all.push(pid);
    left.push(...(await childrenOf(pid)));
  }
  return all;
}

async function childrenOf(pid: number): Promise<number[]> {
  try {
    const lists = (await readdir(`/proc/${pid}/task`)).map((task) =>
      readFile(`/proc/${pid}/task/${task}/children`, 'latin1'),
    );
    return (await Promise.all(lists)).flatMap((list) => list.split(' ').filter(Boolean).map(Number));
  } catch (error) {
    // It has ended, or one of its threads has.
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return [];
    throw error;
  }
}
