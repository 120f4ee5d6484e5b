import { DidNotHappen, type Fault } from '../fault.ts';
import { askEach, askForSum } from '../installation/servers.ts';

export const flushall: Fault = {
  name: 'flushall',
  proves:
    'FLUSHALL, of which Redis tells nobody: every client is told to register again, and then receives everything.',
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
    const told = await beginAnew(brokenAt);
    const seconds = ((now() - backAt) / 1000).toFixed(1);
    return {
      proof: `${before} keys are gone; ${told} clients were told to register again, and had by ${seconds} s later`,
      brokenAt,
      healedAt: now(),
      broken: told === members ? [] : [`only ${told} of ${members} clients were told that they are not registered`],
    };
  },
};
