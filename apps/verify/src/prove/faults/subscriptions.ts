import { forEachBounded } from '@holdfast/harness/bounded';
import { redisKeys } from '@holdfast/broker/keys';
import { DidNotHappen } from '../not-run.ts';
import type { Fault } from '../fault.ts';
import { askForSum } from '../installation/servers.ts';
import { brokenIn, companyOf, untilReady } from './company.ts';

/** A topic from which an edge receives nothing is compared with Redis every ten seconds. */
const FOUND_WITHIN_MS = 15_000;

export const stalledSubscription: Fault = {
  name: 'deaf-subscription',
  proves:
    'An edge misses the messages of one topic, with every connection healthy: it finds out by looking, and fills what it missed.',
  quick: false,
  needs: { proxies: { edgesToRedis: true } },
  connectionsStay: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, pool, publisher, laterTopics, members, now }) => {
    const topic = laterTopics[0];
    const [mutedChannels] = installation.mutedChannels;
    if (topic === undefined || mutedChannels === undefined)
      throw new Error('an edge with muted channels was asked for');
    const { controlUrls, prefix } = installation;
    await pool.all('change', { what: 'subscribe', members, topic, controlUrls, retry: true });
    const brokenAt = now();
    // To the end of the run: nothing but the comparison ever makes this edge look at the topic again.
    mutedChannels.channels.add(redisKeys(prefix).topicLive(topic));
    const positions = await publisher.fence([topic]);
    const answers = await pool.all('reached', { positions, timeoutMs: FOUND_WITHIN_MS });
    const missing = answers.reduce((sum, answer) => sum + answer.missing, 0);
    if (mutedChannels.dropped === 0) throw new DidNotHappen('Redis sent nothing that could be dropped');
    return {
      proof: `${mutedChannels.dropped} messages of ${topic} never reached ${installation.edges[0]?.name}`,
      brokenAt,
      healedAt: brokenAt,
      broken:
        missing === 0
          ? []
          : [`${missing} members had not got a message of the topic after ${FOUND_WITHIN_MS / 1000} s`],
    };
  },
};

/** Topics that an edge has to subscribe to again besides, and the clients that have them: a thousand each. */
const OTHERS = 3000;
const WITH_OTHERS = 3;
const ROUNDS = 6;
const RENEWED = 8;
const CALLS_AT_ONCE = 16;
/** Nothing of what was published is on its way any more. */
const QUIET_MS = 1000;
/** Between two rounds: long enough that every edge has everything again. */
const OVER_MS = 4000;
/** So long a byte takes to or from the edge's Redis meanwhile. */
const SLOW_MS = 200;

export const topicsMadeAnew: Fault = {
  name: 'topics-made-anew',
  proves:
    'Topics are deleted, made again and subscribed to while the subscriber connections of edges are cut and come again: ' +
    'every connection follows, and a client that did not subscribe again gets nothing.',
  quick: true,
  needs: { proxies: { edgesToRedis: true } },
  connectionsStay: true,
  recoversWithinMs: 5000,
  inject: async (scene) => {
    const { installation, now, pass } = scene;
    const { masters } = installation.databases;
    const [way] = installation.proxies.edgesToRedis;
    if (way === undefined) throw new Error('an installation has an edge');
    const company = companyOf(scene);
    const others = Array.from({ length: OTHERS }, (_, index) => `prove.other-${index}`);
    const renewed = Array.from({ length: ROUNDS * RENEWED }, (_, index) => `prove.anew-${index}`);
    await forEachBounded([...others, ...renewed], CALLS_AT_ONCE, (topic) => company.topic(topic));
    const share = OTHERS / WITH_OTHERS;
    for (let from = 0; from < OTHERS; from += share) await company.hire(1, others.slice(from, from + share), [0]);
    // These had some of the topics, and do not ask for them again; the other topics have one client each.
    const shared = renewed.filter((_, index) => index % 4 === 0);
    await company.hire(2, shared, [0, 1]);

    const brokenAt = now();
    let [killed, rounds] = [0, 0];
    for (let isBroken = false; rounds < ROUNDS && !isBroken; rounds += 1) {
      const topics = renewed.slice(rounds * RENEWED, (rounds + 1) * RENEWED);
      const subscribers = await Promise.all(topics.map(async (topic) => (await company.hire(1, [topic], [0]))[0]));
      for (const topic of topics) await company.publishSurely(topic);
      await pass(QUIET_MS);
      // So that the edge still gets its topics back when it learns of the changes.
      way.delay(SLOW_MS);
      killed += await askForSum(masters, 'CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'yes');
      await Promise.all(
        topics.map(async (topic, index) => {
          await company.calls.deleteTopic(topic);
          await company.topic(topic);
          await subscribers[index]?.subscribe([topic]);
        }),
      );
      await pass(OVER_MS);
      way.heal();
      for (const topic of topics) await company.publishSurely(topic);
      // The next cut would heal them.
      isBroken = await company.checkpoint();
    }
    if (killed === 0) throw new DidNotHappen('Redis had no subscriber to cut');
    const healedAt = now();
    await untilReady(scene);
    const broken = await brokenIn(company, renewed);
    const proof = `${rounds * RENEWED} topics were made anew while ${killed} subscribers were cut`;
    return { proof, brokenAt, healedAt, broken };
  },
};
