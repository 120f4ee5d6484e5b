import type { RedisKind } from '@holdfast/local/redis-kind';
import { DidNotHappen, type Fault } from '../fault.ts';
import type { RedisUnderTest } from '../installation/redis-under-test.ts';
import { askEach, errorCount } from '../installation/servers.ts';

/** Short of a lease. */
const REFUSING_MS = 3000;

interface Refusing {
  name: string;
  proves: string;
  on?: readonly RedisKind[];
  /** What Redis says of each write that it refuses. */
  error: string;
  begin: (masters: readonly RedisUnderTest[]) => Promise<unknown>;
  end: (masters: readonly RedisUnderTest[]) => Promise<unknown>;
}

/** Redis answers, and takes no writes. */
function refusingRedis({ name, proves, on, error, begin, end }: Refusing): Fault {
  return {
    name,
    proves,
    ...(on === undefined ? {} : { on }),
    quick: false,
    connectionsStay: true,
    recoversWithinMs: 5000,
    inject: async ({ installation, now, pass, publisher }) => {
      const { masters } = installation.databases;
      const refused = () => errorCount(masters, error);
      const before = await refused();
      const brokenAt = now();
      await begin(masters);
      const from = now();
      await pass(REFUSING_MS);
      const to = now();
      await end(masters);
      const count = (await refused()) - before;
      if (count === 0) throw new DidNotHappen(`no write was refused with ${error}`);
      const accepted = publisher.publications.filter(
        ({ askedAt, answeredAt, outcome }) => askedAt > from && answeredAt < to && outcome.kind === 'published',
      );
      return {
        proof: `Redis refused ${count} writes with ${error}`,
        brokenAt,
        healedAt: to,
        refusing: { from, to },
        broken: accepted.length === 0 ? [] : [`${accepted.length} publishes were answered with 202 meanwhile`],
      };
    },
  };
}

export const maxmemory = refusingRedis({
  name: 'maxmemory',
  proves: 'Redis out of memory: publishes are refused, and what was refused is in no log.',
  error: 'OOM',
  begin: (masters) => askEach(masters, 'CONFIG', 'SET', 'maxmemory', 1),
  end: (masters) => askEach(masters, 'CONFIG', 'SET', 'maxmemory', 0),
});

export const readonly = refusingRedis({
  name: 'readonly',
  proves: 'Redis made a replica of a master that is not there: publishes are refused until it is a master again.',
  // A Cluster takes no REPLICAOF, and Sentinels would mend it by themselves.
  on: ['single'],
  error: 'READONLY',
  // The discard port: nobody listens there.
  begin: (masters) => askEach(masters, 'REPLICAOF', '127.0.0.1', 9),
  end: (masters) => askEach(masters, 'REPLICAOF', 'NO', 'ONE'),
});
