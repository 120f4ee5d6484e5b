import { until } from '@holdfast/local/until';
import type { Fault } from '../fault.ts';
import { isNamedMaster } from '../installation/databases.ts';

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
  inject: async ({ installation, now, say }) => {
    const { masters, replicas } = installation.databases;
    const [master, heir] = [masters[0], replicas[0]];
    if (master === undefined || heir === undefined) throw new Error('a master with a replica was asked for');
    const brokenAt = now();
    await master.kill();
    // An old master without its data must not come back before that: whoever asks would still be led to it.
    await until('the replica is the master', FAILOVER_MS, () => isNamedMaster(installation.databases, heir));
    const healedAt = now();
    say('the replica has taken over');
    await master.startAgain();
    await until('the old master follows it', FAILOVER_MS, async () => (await master.info('role')) === 'slave');
    const proof = `a master of ${masters.length} died, and ${Math.round(healedAt - brokenAt)} ms later its replica was the master`;
    return { proof, brokenAt, healedAt };
  },
};
