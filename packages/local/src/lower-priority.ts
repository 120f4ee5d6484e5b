import { writeFile } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

const NICE = constants.priority.PRIORITY_BELOW_NORMAL;
/** Linux lets one group be changed every 100 ms, unless root does it. */
const PAUSE_MS = 150;
const ATTEMPTS = 20;

/**
 * Lets a process of ours have the cores of this machine after all others. A process that leads a session of its own
 * (`detached`) is alone in a scheduling group where Linux makes such groups: the nice value of the process then counts
 * for nothing beside other groups, and that of the group does (sched(7), "The autogroup feature"). Resolves when that is
 * so, or cannot be had.
 */
export async function lowerPriority(pid: number): Promise<void> {
  setPriority(pid, NICE);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    try {
      await writeFile(`/proc/${pid}/autogroup`, String(NICE));
      return;
    } catch (error) {
      // Without such groups there is no such file, and a container may not let it be written.
      const tooSoon = error instanceof Error && 'code' in error && error.code === 'EAGAIN';
      if (!tooSoon) return;
    }
    await delay(PAUSE_MS);
  }
}
