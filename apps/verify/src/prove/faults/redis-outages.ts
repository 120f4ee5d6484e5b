import { DidNotHappen } from '../not-run.ts';
import type { CommonFault, Fault } from '../fault.ts';
import { askEach, askForSum, errorCount, infoSum } from '../installation/servers.ts';

const FROZEN_MS = 5000;

export const redisFreeze: Fault = {
  name: 'redis-freeze-5s',
  proves: 'Redis frozen for 5 s: connections stay open, publishes are refused, and everything goes on.',
  quick: false,
  // Where there are replicas, one takes over: see master-kill.
  on: ['single'],
  connectionsStay: true,
  presenceStays: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, pass, now, publisher }) => {
    const { redis } = installation;
    const pid = redis.pid;
    const brokenAt = now();
    redis.freeze();
    await pass(FROZEN_MS);
    const accepted = publisher.publications.filter(
      ({ askedAt, outcome }) => askedAt > brokenAt && outcome.kind === 'published',
    );
    redis.thaw();
    const healedAt = now();
    await redis.ask('PING');
    if (accepted.length > 0 || redis.pid !== pid) throw new DidNotHappen('publishes were accepted all the while');
    return { proof: `pid ${pid} was stopped for ${FROZEN_MS / 1000} s and took nothing`, brokenAt, healedAt };
  },
};

const AWAY_MS = 1500;

export const redisKillData: CommonFault = {
  name: 'redis-kill-data',
  proves: 'Redis killed with -9 and started again with its data: nothing that was accepted is missing.',
  quick: true,
  // Where there are replicas, one takes over: see master-kill.
  on: ['single'],
  needs: { aof: true },
  connectionsStay: true,
  presenceStays: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, pass, now }) => {
    const { redis } = installation;
    const [firstRun, brokenAt] = [await redis.info('run_id'), now()];
    await redis.crash();
    await pass(AWAY_MS);
    await redis.startAgain();
    const healedAt = now();
    const secondRun = await redis.info('run_id');
    const proof = `Redis was away for ${Math.round(healedAt - brokenAt)} ms: run ${firstRun.slice(0, 6)}, then ${secondRun.slice(0, 6)}`;
    return { proof, brokenAt, healedAt };
  },
};

const REDIS_KILL_EMPTY_AWAY_MS = 1000;

export const redisKillEmpty: Fault = {
  name: 'redis-kill-empty',
  proves:
    'Redis killed and started again empty: every client is asked to register again, and then receives everything.',
  quick: true,
  // Where there are replicas, one takes over: see master-kill.
  on: ['single'],
  logsMayForget: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, pass, now, beginAnew, members }) => {
    const { redis } = installation;
    const brokenAt = now();
    await redis.crash();
    await pass(REDIS_KILL_EMPTY_AWAY_MS);
    await redis.startAgain();
    const topics = Number(await redis.ask('EXISTS', `${installation.prefix}topics`));
    if (topics !== 0) throw new DidNotHappen('Redis came back with its data');
    const backAt = now();
    const again = await beginAnew(brokenAt);
    const seconds = ((now() - backAt) / 1000).toFixed(1);
    return {
      proof: `Redis came back without a topic; ${again} clients were asked to register again, and had by ${seconds} s later`,
      brokenAt,
      healedAt: now(),
      broken: again === members ? [] : [`only ${again} of ${members} clients were closed as not registered`],
    };
  },
};

export const flushall: Fault = {
  name: 'flushall',
  proves:
    'FLUSHALL, which Redis announces to no client: every client is asked to register again, and then receives everything.',
  quick: false,
  logsMayForget: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, now, beginAnew, members }) => {
    const { masters } = installation.databases;
    const before = await askForSum(masters, 'DBSIZE');
    const brokenAt = now();
    await askEach(masters, 'FLUSHALL');
    if ((await askForSum(masters, 'DBSIZE')) >= before) throw new DidNotHappen('Redis still has its keys');
    const backAt = now();
    const again = await beginAnew(brokenAt);
    const seconds = ((now() - backAt) / 1000).toFixed(1);
    return {
      proof: `${before} keys are gone; ${again} clients were asked to register again, and had by ${seconds} s later`,
      brokenAt,
      healedAt: now(),
      broken: again === members ? [] : [`only ${again} of ${members} clients were closed as not registered`],
    };
  },
};

export const scriptFlush: Fault = {
  name: 'script-flush',
  proves: 'SCRIPT FLUSH: scripts that Redis no longer knows are sent again, and no client notices.',
  quick: true,
  connectionsStay: true,
  presenceStays: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, now, until }) => {
    const { masters } = installation.databases;
    const missed = () => errorCount(masters, 'NOSCRIPT');
    const [before, known] = [await missed(), await infoSum(masters, 'number_of_cached_scripts')];
    if (known === 0) throw new DidNotHappen('Redis knew no script');
    const brokenAt = now();
    await askEach(masters, 'SCRIPT', 'FLUSH', 'SYNC');
    await until('somebody asks for a script that is gone', async () => (await missed()) > before);
    return {
      proof: `${known} scripts were flushed, and ${await missed()} calls asked in vain`,
      brokenAt,
      healedAt: now(),
    };
  },
};
