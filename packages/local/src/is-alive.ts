import { readFileSync } from 'node:fs';

/** Whether a process with this id runs; one that belongs to another user does, though we may not signal it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  return !isZombie(pid);
}

/**
 * A process that has ended keeps its id until its parent asks how. In a container whose first process never asks, that
 * is for ever. Linux shows it; elsewhere the parent asks.
 */
function isZombie(pid: number): boolean {
  try {
    // "1234 (name) Z …", and a name may hold anything, a parenthesis too.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch (error) {
    // No /proc, or the process went this moment: the next look says so.
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}
