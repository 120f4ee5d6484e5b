import type { Fault } from '../fault.ts';
import { saveFile } from '../installation/databases.ts';
import { brokenIn, companyOf, untilReady } from './company.ts';

const TOPICS = ['prove.rolled-a', 'prove.rolled-b'];
const EACH = 8;
/** What is lost. */
const LOST_MS = 2500;

export const redisRolledBack: Fault = {
  name: 'redis-rolled-back',
  proves:
    'Redis comes back without its last seconds, in which clients moved to another edge and others came again to the ' +
    'same one: nobody is closed as replaced, and every connection follows every change.',
  quick: true,
  // Where there are replicas, one takes over: see lagging-failover.
  on: ['single'],
  needs: { aof: true },
  logsMayForget: true,
  connectionsStay: true,
  recoversWithinMs: 5000,
  inject: async (scene) => {
    const { installation, now, pass } = scene;
    const { redis } = installation;
    const company = companyOf(scene);
    for (const topic of TOPICS) await company.topic(topic);
    const actors = await company.hire(3 * EACH, TOPICS, [0]);
    // The rest is quiet.
    const [moving, coming] = [actors.slice(0, EACH), actors.slice(EACH, 2 * EACH)];

    const savedFrom = now();
    const startRolledBack = await saveFile(redis);
    const savedTo = now();
    await company.each(moving, (actor) => actor.connect(1).welcomed);
    await company.each(coming, (actor) => actor.connect(0).welcomed);
    await pass(LOST_MS);
    const brokenAt = now();
    await redis.crash();
    company.history.record({ kind: 'forgot', savedFrom, savedTo, lostAt: now() });
    await startRolledBack();
    const healedAt = now();
    await untilReady(scene);
    const broken = await brokenIn(company, TOPICS);
    const lost = Math.round(brokenAt - savedTo);
    const proof = `Redis came back without its last ${lost} ms, and ${moving.length + coming.length} claims with them`;
    return { proof, brokenAt, healedAt, broken };
  },
};

const HOUR_S = 3600;
const CLOCK_EACH = 6;
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
    const actors = await company.hire(3 * CLOCK_EACH, topics, [...installation.edges.keys()]);
    const [again, away] = [actors.slice(0, CLOCK_EACH), actors.slice(CLOCK_EACH, 2 * CLOCK_EACH)];
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
    const startRolledBack = await saveFile(redis);
    const savedTo = now();
    await publish(STANDING);
    await company.settled(SETTLED_MS);
    for (const { line } of away) line?.close('cut');
    await redis.crash();
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
