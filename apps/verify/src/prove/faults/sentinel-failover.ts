import { DidNotHappen, type Fault } from '../fault.ts';

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
  inject: async ({ installation, publisher, crew, pass, now, until }) => {
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
    await crew.all('reached', { positions, timeoutMs: LAG_MS });
    const lag = (await redis.infoNumber('master_repl_offset')) - (await replica.infoNumber('slave_repl_offset'));
    if (lag <= 0) throw new DidNotHappen('the replica has everything');
    const brokenAt = now();
    await redis.kill();
    // Sentinel cuts every connection to a replica that it makes the master.
    const role = () => replica.info('role').catch(() => 'not known');
    await until('the replica is the master', async () => (await role()) === 'master');
    const proof = `the replica became the master with ${lag} bytes of writes missing`;
    return { proof, brokenAt, healedAt: now() };
  },
};
