import { DidNotHappen, type Fault } from '../fault.ts';

const AWAY_MS = 1000;

export const redisKillEmpty: Fault = {
  name: 'redis-kill-empty',
  proves: 'Redis killed and started again empty: every client is told to register again, and then receives everything.',
  quick: true,
  // Where there are replicas, one takes over: see master-kill.
  on: ['single'],
  logsMayForget: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, pass, now, beginAnew, members }) => {
    const { redis } = installation;
    const brokenAt = now();
    await redis.kill();
    await pass(AWAY_MS);
    await redis.startAgain();
    const topics = Number(await redis.ask('EXISTS', `${installation.prefix}topics`));
    if (topics !== 0) throw new DidNotHappen('Redis came back with its data');
    const backAt = now();
    const told = await beginAnew(brokenAt);
    const seconds = ((now() - backAt) / 1000).toFixed(1);
    return {
      proof: `Redis came back without a topic; ${told} clients were told to register again, and had by ${seconds} s later`,
      brokenAt,
      healedAt: now(),
      broken: told === members ? [] : [`only ${told} of ${members} clients were told that they are not registered`],
    };
  },
};
