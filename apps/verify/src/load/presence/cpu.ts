import { cpuSeconds } from '@holdfast/harness/cpu-time';
import { redisInfo } from '@holdfast/local/ask-redis';
import type { Target } from '../target.ts';

/** Of each process. Empty: not known, because it is none of ours. */
export interface Cpu {
  edges: readonly number[];
  redis: readonly number[];
  controls: readonly number[];
}

/** What each process of an installation has used so far, in seconds of user and system time. */
export async function cpuOf({ edgePids, controlPids, redisUrls }: Target): Promise<Cpu> {
  const [edges, redis, controls] = await Promise.all([
    ofProcesses(edgePids),
    Promise.all(redisUrls.map(ofRedis)),
    ofProcesses(controlPids),
  ]);
  return { edges, redis, controls };
}

async function ofProcesses(pids: readonly number[]): Promise<number[]> {
  return process.platform === 'linux' ? Promise.all(pids.map((pid) => cpuSeconds([pid]))) : [];
}

async function ofRedis(url: string): Promise<number> {
  return Number(await redisInfo(url, 'used_cpu_user')) + Number(await redisInfo(url, 'used_cpu_sys'));
}

/** Shares of a core between two looks. */
export function cpuShares(before: Cpu, after: Cpu, seconds: number): Cpu {
  const shares = (kind: keyof Cpu) =>
    after[kind].map((used, index) => Math.round(((used - (before[kind][index] ?? 0)) / seconds) * 1000) / 1000);
  return { edges: shares('edges'), redis: shares('redis'), controls: shares('controls') };
}
