import type { Fault } from '../fault.ts';

const AWAY_MS = 1500;

export const redisKillData: Fault = {
  name: 'redis-kill-data',
  proves: 'Redis killed with -9 and started again with its data: nothing that was accepted is missing.',
  quick: true,
  // Where there are replicas, one takes over: see master-kill.
  on: ['single'],
  needs: { aof: true },
  connectionsStay: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, pass, now }) => {
    const { redis } = installation;
    const [firstRun, brokenAt] = [await redis.info('run_id'), now()];
    await redis.kill();
    await pass(AWAY_MS);
    await redis.startAgain();
    const healedAt = now();
    const secondRun = await redis.info('run_id');
    const proof = `Redis was away for ${Math.round(healedAt - brokenAt)} ms: run ${firstRun.slice(0, 6)}, then ${secondRun.slice(0, 6)}`;
    return { proof, brokenAt, healedAt };
  },
};
