import type { Fault } from '../fault.ts';
import { brokenIn, companyOf, untilReady } from './company.ts';

const HOUR_S = 3600;
const EACH = 6;
const MESSAGES = 5;
const STANDING = ['prove.clock-a', 'prove.clock-b'];
const RENEWED = ['prove.clock-c', 'prove.clock-d', 'prove.clock-e'];
const SETTLED_MS = 5000;

export const redisClockBack: Fault = {
  name: 'redis-clock-back',
  proves:
    'The clock of Redis is set back by an hour: topics made anew have the subscribers that asked for them and no others, ' +
    'and no id is given twice, also when Redis loses its last writes then.',
  quick: false,
  on: ['single'],
  needs: { aof: true, redisClock: true },
  logsMayForget: true,
  connectionsStay: true,
  recoversWithinMs: 5000,
  inject: async (scene) => {
    const { installation, now } = scene;
    const { redis, databases } = installation;
    const { clock } = databases;
    if (clock === null) throw new Error('a Redis with a clock was asked for');
    const company = companyOf(scene);
    const topics = [...STANDING, ...RENEWED];
    const publish = async (some: readonly string[]) => {
      for (let message = 0; message < MESSAGES; message += 1)
        for (const topic of some) await company.publishSurely(topic);
    };
    for (const topic of topics) await company.topic(topic);
    const actors = await company.hire(3 * EACH, topics, [...installation.edges.keys()]);
    const [again, away] = [actors.slice(0, EACH), actors.slice(EACH, 2 * EACH)];
    await publish(topics);
    await company.settled(SETTLED_MS);

    const brokenAt = now();
    await clock.set(-HOUR_S);
    for (const topic of RENEWED) {
      await company.calls.deleteTopic(topic);
      await company.topic(topic);
    }
    await company.each(again, (actor) => actor.subscribe(RENEWED));
    await publish(topics);
    await company.settled(SETTLED_MS);

    // On top of it, what Redis is told from here on is lost.
    const savedFrom = now();
    const startRolledBack = await redis.save();
    const savedTo = now();
    await publish(STANDING);
    await company.settled(SETTLED_MS);
    for (const { line } of away) line?.close('cut');
    await redis.kill();
    company.history.record({ kind: 'forgot', savedFrom, savedTo, lostAt: now() });
    await startRolledBack();
    const healedAt = now();
    await untilReady(scene);
    await publish(STANDING);
    // They state positions that Redis has given away again, if it does.
    await company.each(away, (actor, index) => actor.connect(index).welcomed);
    const broken = await brokenIn(company, topics);
    const behind = Math.round((Date.now() - Number(((await redis.ask('TIME')) as string[])[0]) * 1000) / 1000);
    return {
      proof: `the clock of Redis is ${behind} s behind, and it lost its last writes`,
      brokenAt,
      healedAt,
      broken,
    };
  },
};
