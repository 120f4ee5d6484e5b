import { existsSync, writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

const NICE = constants.priority.PRIORITY_BELOW_NORMAL;

/**
 * Lets a process of ours have the cores of this machine after all others. A process that leads a session of its own
 * (`detached`) is alone in a scheduling group where Linux makes such groups: the nice value of the process then counts
 * for nothing beside other groups, and that of the group does (sched(7), "The autogroup feature").
 */
export function giveWay(pid: number): void {
  setPriority(pid, NICE);
  const group = `/proc/${pid}/autogroup`;
  if (existsSync(group)) writeFileSync(group, String(NICE));
}
