import type { RedisServer } from '@holdfast/local/redis-server';
import { startTcpProxy } from '@holdfast/local/tcp-proxy';
import { until as untilWithin } from '@holdfast/local/until';
import { DidNotHappen } from '../not-run.ts';
import type { Fault } from '../fault.ts';
import { isNamedMaster } from '../installation/databases.ts';
import type { Scene } from '../scene.ts';
import { brokenIn, companyOf, untilReady } from './company.ts';

/** How long the replica lags behind. */
const LAG_MS = 2500;

export const sentinelFailover: Fault = {
  name: 'sentinel-failover',
  proves:
    'Sentinel makes a replica the master that lags behind: what it lacks is announced as lost to everybody, and ' +
    'everything after it arrives.',
  quick: false,
  on: ['single', 'sentinel'],
  needs: { redis: 'sentinel' },
  logsMayForget: true,
  connectionsStay: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, publisher, pool, pass, now, until }) => {
    const { redis, databases } = installation;
    const [replica] = databases.replicas;
    if (replica === undefined) throw new Error('a replica was asked for');
    // It may not follow any more, and nobody else notices.
    await redis.ask('ACL', 'SETUSER', 'default', '-psync');
    await redis.ask('CLIENT', 'KILL', 'TYPE', 'replica');
    await until('the replica has lost its master', async () => (await replica.info('master_link_status')) === 'down');
    await pass(LAG_MS);
    // All of it reaches everybody, so that everybody is ahead of the replica.
    const positions = await publisher.fence();
    await pool.all('reached', { positions, timeoutMs: LAG_MS });
    const lag = (await redis.infoNumber('master_repl_offset')) - (await replica.infoNumber('slave_repl_offset'));
    if (lag <= 0) throw new DidNotHappen('the replica has everything');
    const brokenAt = now();
    await redis.crash();
    // Sentinel cuts every connection to a replica that it makes the master.
    const role = () => replica.info('role').catch(() => 'not known');
    await until('the replica is the master', async () => (await role()) === 'master');
    const proof = `the replica became the master with ${lag} bytes of writes missing`;
    return { proof, brokenAt, healedAt: now() };
  },
};

const TOPICS = ['prove.lagging-a', 'prove.lagging-b'];
const EACH = 8;
const LAGGING_FAILOVER_LAG_MS = 2000;
/** For good, as far as a run goes. */
const STALL_MS = 3_600_000;

/** A replica that can be made to lag, and to take over. */
interface Heir {
  replica: RedisServer;
  /** From now on it gets nothing any more. */
  stall: () => Promise<void>;
  /** The master is dead: it becomes the master, and is found. */
  takeOver: () => Promise<void>;
  stop: () => Promise<void>;
}

export const laggingFailover: Fault = {
  name: 'lagging-failover',
  proves:
    'A replica takes over that lags by seconds in which clients moved to another edge and others came again to the ' +
    'same one: nobody is closed as replaced, and every connection follows every change.',
  quick: false,
  on: ['single', 'sentinel'],
  needs: { proxies: { edgesToRedis: true, controlsToRedis: true } },
  logsMayForget: true,
  connectionsStay: true,
  recoversWithinMs: 10_000,
  inject: async (scene) => {
    const { installation, publisher, pool, now, until, pass } = scene;
    const { redis } = installation;
    const heir = installation.databases.kind === 'sentinel' ? watchedHeir(scene) : await ownHeir(scene);
    const company = companyOf(scene);
    for (const topic of TOPICS) await company.topic(topic);
    const actors = await company.hire(3 * EACH, TOPICS, [0]);
    const [moving, coming] = [actors.slice(0, EACH), actors.slice(EACH, 2 * EACH)];

    const savedFrom = now();
    const offset = await redis.infoNumber('master_repl_offset');
    const followed = async () => (await heir.replica.infoNumber('slave_repl_offset')) >= offset;
    await until('the replica has everything so far', followed);
    await heir.stall();
    const savedTo = now();
    await company.each(moving, (actor) => actor.connect(1).welcomed);
    await company.each(coming, (actor) => actor.connect(0).welcomed);
    await pass(LAGGING_FAILOVER_LAG_MS);
    // All of it reaches everybody, so that everybody is ahead of the replica.
    const positions = await publisher.fence();
    await pool.all('reached', { positions, timeoutMs: LAGGING_FAILOVER_LAG_MS });
    const lag = (await redis.infoNumber('master_repl_offset')) - (await heir.replica.infoNumber('slave_repl_offset'));
    if (lag <= 0) throw new DidNotHappen('the replica has everything');
    const brokenAt = now();
    await redis.crash();
    company.history.record({ kind: 'forgot', savedFrom, savedTo, lostAt: now() });
    await heir.takeOver();
    const healedAt = now();
    await untilReady(scene);
    const broken = await brokenIn(company, TOPICS);
    await heir.stop();
    return { proof: `the replica became the master with ${lag} bytes of writes missing`, brokenAt, healedAt, broken };
  },
};

/** A replica that follows through a proxy, and that services reach by proxies whose target moves. */
async function ownHeir({ installation, until }: Scene): Promise<Heir> {
  const { redis, databases, proxies } = installation;
  const replica = await databases.startAnother();
  const link = await startTcpProxy({ port: redis.port });
  await replica.ask('REPLICAOF', '127.0.0.1', link.port);
  await until('the replica follows', async () => (await replica.info('master_link_status')) === 'up');
  return {
    replica,
    stall: async () => link.delay(STALL_MS),
    takeOver: async () => {
      await replica.ask('REPLICAOF', 'NO', 'ONE');
      proxies.moveRedis(redis.port, replica.port);
    },
    stop: link.stop,
  };
}

/** The one that Sentinels watch. */
function watchedHeir({ installation, until }: Scene): Heir {
  const { redis, databases } = installation;
  const [replica] = databases.replicas;
  if (replica === undefined) throw new Error('a Redis with Sentinels has a replica');
  const field = (name: string) => replica.info(name).catch(() => 'not known');
  return {
    replica,
    stall: async () => {
      await redis.ask('ACL', 'SETUSER', 'default', '-psync');
      await redis.ask('CLIENT', 'KILL', 'TYPE', 'replica');
      await until('the replica has lost its master', async () => (await field('master_link_status')) === 'down');
    },
    takeOver: () => until('the replica is the master', async () => (await field('role')) === 'master'),
    stop: () => Promise.resolve(),
  };
}

const FAILOVER_MS = 30_000;

export const masterKill: Fault = {
  name: 'master-kill',
  proves:
    'A master killed with -9: its replica takes over, clients keep their connections, and everybody hears its topics ' +
    'again within ten seconds of that.',
  quick: true,
  on: ['cluster', 'sentinel'],
  // The replica may lack what the master had just accepted.
  logsMayForget: true,
  connectionsStay: true,
  recoversWithinMs: 10_000,
  inject: async ({ installation, now, log }) => {
    const { masters, replicas } = installation.databases;
    const [master, heir] = [masters[0], replicas[0]];
    if (master === undefined || heir === undefined) throw new Error('a master with a replica was asked for');
    const brokenAt = now();
    await master.crash();
    // An old master without its data must not come back before that: whoever asks would still be led to it.
    await untilWithin('the replica is the master', FAILOVER_MS, () => isNamedMaster(installation.databases, heir));
    const healedAt = now();
    log('the replica has taken over');
    await master.startAgain();
    await untilWithin('the old master follows it', FAILOVER_MS, async () => (await master.info('role')) === 'slave');
    const proof = `a master of ${masters.length} died, and ${Math.round(healedAt - brokenAt)} ms later its replica was the master`;
    return { proof, brokenAt, healedAt };
  },
};
