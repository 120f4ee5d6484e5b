import { DidNotHappen, type Fault } from '../fault.ts';

/** All connections of one type that Redis has are cut, by Redis. */
function clientKill(type: 'pubsub' | 'normal', proves: string): Fault {
  return {
    name: `client-kill-${type}`,
    proves,
    quick: type === 'pubsub',
    connectionsStay: true,
    recoversWithinMs: 5000,
    inject: async ({ installation, now, until }) => {
      const { redis } = installation;
      const subscribers = await redis.infoNumber('pubsub_clients').catch(() => Number.NaN);
      const brokenAt = now();
      const killed = Number(await redis.ask('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes'));
      if (killed === 0) throw new DidNotHappen(`Redis had no ${type} connection to cut`);
      await until('the services are connected again', async () => {
        return (await redis.infoNumber('connected_clients')) >= killed;
      });
      const proof = `Redis cut ${killed} connections of type ${type}${Number.isNaN(subscribers) ? '' : ` of ${subscribers}`}`;
      return { proof, brokenAt, healedAt: brokenAt };
    },
  };
}

export const clientKillPubsub = clientKill(
  'pubsub',
  'Redis cuts every subscriber: each edge notices, subscribes again, and fills what it missed.',
);

export const clientKillNormal = clientKill(
  'normal',
  'Redis cuts every connection that asks: calls that were under way are settled, and nothing is lost.',
);
