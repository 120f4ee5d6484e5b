import type { RedisKind } from '@holdfast/local/redis-kind';
import type { RedisServer } from '@holdfast/local/redis-server';
import { DidNotHappen } from '../not-run.ts';
import type { Fault } from '../fault.ts';
import { readMetric } from '../installation/servers.ts';
import { askEach, errorCount } from '../installation/servers.ts';

/** Short of a lease. */
const REFUSING_MS = 3000;

interface Refusing {
  name: string;
  proves: string;
  on?: readonly RedisKind[];
  /** What Redis says of each write that it refuses. */
  error: string;
  begin: (masters: readonly RedisServer[]) => Promise<unknown>;
  end: (masters: readonly RedisServer[]) => Promise<unknown>;
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

/** Far below what an installation wants, so that a stall of seconds passes it. */
const TINY = 'pubsub 262144 131072 1';
const RESTORED = 'pubsub 268435456 134217728 60';
/** As large as a message may be: the system's own buffers between Redis and the edge hold megabytes. */
const LARGE = 60_000;
const PUBLISHING_AT_ONCE = 6;
const READERS = 6;
/** Short of the lease. */
const FROZEN_AT_MOST_MS = 8000;

export const outputBufferOverrun: Fault = {
  name: 'output-buffer-overrun',
  proves: 'An edge that stalls until Redis cuts its subscriber for the bytes that wait: it fills what it missed.',
  quick: false,
  connectionsStay: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, pool, laterTopics, publisher, now, until }) => {
    const { edges, controlUrls, databases } = installation;
    const { masters } = databases;
    const [edge] = edges;
    const topic = laterTopics[0];
    if (edge === undefined || topic === undefined) throw new Error('an installation has an edge');
    // Enough of them that some are on that edge, which therefore hears the topic.
    const members = Math.ceil((READERS * edges.length) / pool.size);
    await pool.all('change', { what: 'subscribe', members, topic, controlUrls, retry: true });
    const subscribers = async () =>
      (await askEach(masters, 'CLIENT', 'LIST', 'TYPE', 'pubsub')).join('').split('\n').length;
    const lostSoFar = () => readMetric(edge.url, 'subscriber_connections_lost_total');
    const filledSoFar = () => readMetric(edge.url, 'gap_messages_filled_total');
    const [before, lost, filled] = [await subscribers(), await lostSoFar(), await filledSoFar()];
    await askEach(masters, 'CONFIG', 'SET', 'client-output-buffer-limit', TINY);
    const brokenAt = now();
    edge.freeze();
    const isOver = async () => now() - brokenAt > FROZEN_AT_MOST_MS || (await subscribers()) < before;
    const lane = async () => {
      while (!(await isOver())) await publisher.publish(topic, LARGE);
    };
    await Promise.all(Array.from({ length: PUBLISHING_AT_ONCE }, lane));
    const cut = (await subscribers()) < before;
    edge.thaw();
    const healedAt = now();
    await askEach(masters, 'CONFIG', 'SET', 'client-output-buffer-limit', RESTORED);
    if (!cut) throw new DidNotHappen('Redis did not cut the subscriber of the frozen edge');
    await until('the edge notices', async () => (await lostSoFar()) > lost);
    await until('the edge fills what it missed', async () => (await filledSoFar()) > filled);
    const proof = `Redis cut the subscriber of ${edge.name} after a stall of ${Math.round(healedAt - brokenAt)} ms`;
    return { proof: `${proof}; ${(await filledSoFar()) - filled} messages came from logs`, brokenAt, healedAt };
  },
};
