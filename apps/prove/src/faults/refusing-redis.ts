import { DidNotHappen, type Fault } from '../fault.ts';
import type { RedisUnderTest } from '../installation/redis-under-test.ts';

/** Short of a lease. */
const REFUSING_MS = 3000;

interface Refusing {
  name: string;
  proves: string;
  /** What Redis says of each write that it refuses. */
  error: string;
  begin: (redis: RedisUnderTest) => Promise<unknown>;
  end: (redis: RedisUnderTest) => Promise<unknown>;
}

/** Redis answers, and takes no writes. */
function refusingRedis({ name, proves, error, begin, end }: Refusing): Fault {
  return {
    name,
    proves,
    quick: false,
    connectionsStay: true,
    recoversWithinMs: 5000,
    inject: async ({ installation, now, pass, publisher }) => {
      const { redis } = installation;
      const refused = async () => {
        const text = await redis.info(`errorstat_${error}`).catch(() => 'count=0');
        return Number(text.replace('count=', ''));
      };
      const before = await refused();
      const brokenAt = now();
      await begin(redis);
      const from = now();
      await pass(REFUSING_MS);
      const to = now();
      await end(redis);
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
  begin: (redis) => redis.ask('CONFIG', 'SET', 'maxmemory', 1),
  end: (redis) => redis.ask('CONFIG', 'SET', 'maxmemory', 0),
});

export const readonly = refusingRedis({
  name: 'readonly',
  proves: 'Redis made a replica of a master that is not there: publishes are refused until it is a master again.',
  error: 'READONLY',
  // The discard port: nobody listens there.
  begin: (redis) => redis.ask('REPLICAOF', '127.0.0.1', 9),
  end: (redis) => redis.ask('REPLICAOF', 'NO', 'ONE'),
});
