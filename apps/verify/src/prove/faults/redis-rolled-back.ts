import type { Fault } from '../fault.ts';
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
    const startRolledBack = await redis.save();
    const savedTo = now();
    await company.each(moving, (actor) => actor.connect(1).welcomed);
    await company.each(coming, (actor) => actor.connect(0).welcomed);
    await pass(LOST_MS);
    const brokenAt = now();
    await redis.kill();
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
