import { DidNotHappen, type Fault } from '../fault.ts';

const FROZEN_MS = 5000;

export const redisFreeze: Fault = {
  name: 'redis-freeze-5s',
  proves: 'Redis frozen for 5 s: connections stay open, publishes are refused, and everything goes on.',
  quick: false,
  // Where there are replicas, one takes over: see master-kill.
  on: ['single'],
  connectionsStay: true,
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
