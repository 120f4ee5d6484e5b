import { forEachBounded } from '../bounded.ts';
import { DidNotHappen, type Fault } from '../fault.ts';
import { askForSum } from '../installation/servers.ts';
import { brokenIn, companyOf, untilReady } from './company.ts';

/** Topics that edges have to subscribe to again besides, before they are done. */
const OTHERS = 600;
const RENEWED = 12;
const CALLS_AT_ONCE = 16;

export const topicsMadeAnew: Fault = {
  name: 'topics-made-anew',
  proves:
    'Topics are deleted, made again and subscribed to while edges have no subscriber connection: nobody is deaf, and ' +
    'who did not subscribe again gets nothing.',
  quick: true,
  needs: { proxies: { edgesToRedis: true } },
  connectionsStay: true,
  recoversWithinMs: 5000,
  inject: async (scene) => {
    const { installation, now } = scene;
    const { masters } = installation.databases;
    const company = companyOf(scene);
    const edges = [...installation.edges.keys()];
    const others = Array.from({ length: OTHERS }, (_, index) => `prove.other-${index}`);
    const renewed = Array.from({ length: RENEWED }, (_, index) => `prove.anew-${index}`);
    await forEachBounded([...others, ...renewed], CALLS_AT_ONCE, (topic) => company.topic(topic));
    await company.hire(edges.length, others, edges);
    const again = await company.hire(2 * edges.length, renewed, edges);
    // They had the topics, and do not ask for them again.
    await company.hire(edges.length, renewed, edges);
    for (const topic of renewed) await company.publishSurely(topic);

    const ways = installation.proxies.edgesToRedis;
    const brokenAt = now();
    for (const way of ways) way.refuse();
    const killed = await askForSum(masters, 'CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'yes');
    if (killed < ways.length) throw new DidNotHappen(`Redis had ${killed} subscribers to cut`);
    await forEachBounded(renewed, CALLS_AT_ONCE, async (topic) => {
      await company.calls.deleteTopic(topic);
      await company.topic(topic);
    });
    await company.each(again, (actor) => actor.subscribe(renewed));
    for (const way of ways) way.heal();
    const healedAt = now();
    await untilReady(scene);
    const broken = await brokenIn(company, renewed);
    const proof = `${RENEWED} topics were made anew while ${killed} subscribers were cut`;
    return { proof, brokenAt, healedAt, broken };
  },
};
