import { DidNotHappen, type Fault } from '../fault.ts';
import { askForSum, infoSum } from '../installation/servers.ts';

/** So long nobody may connect to Redis again. */
const SHUT_MS = 1500;
/** Sooner than anything else would find it: a quiet topic is compared with Redis after ten seconds. */
const CAUGHT_UP_WITHIN_MS = 2500;

export const clientKillPubsub: Fault = {
  name: 'client-kill-pubsub',
  proves: 'Redis cuts every subscriber: each edge notices, subscribes again, and looks at once for what it missed.',
  quick: true,
  needs: { proxies: { edgesToRedis: true } },
  connectionsStay: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, crew, publisher, quietTopic, now, pass }) => {
    const { masters } = installation.databases;
    const proxies = installation.proxies.edgesToRedis;
    const reached = async (positions: Record<string, string>) => {
      const answers = await crew.all('reached', { positions, timeoutMs: CAUGHT_UP_WITHIN_MS });
      return answers.reduce((sum, answer) => sum + answer.missing, 0);
    };
    // Heard a moment ago: so it is this cut that edges find out of, and not the silence of the topic.
    await reached(await publisher.fence([quietTopic]));
    const brokenAt = now();
    for (const proxy of proxies) proxy.refuse();
    const killed = await askForSum(masters, 'CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'yes');
    if (killed < proxies.length * masters.length) throw new DidNotHappen(`Redis had ${killed} subscribers to cut`);
    const unheard = await publisher.fence([quietTopic]);
    await pass(SHUT_MS);
    for (const proxy of proxies) proxy.heal();
    const healedAt = now();
    const missing = await reached(unheard);
    return {
      proof: `Redis cut ${killed} subscribers, and nobody could subscribe again for ${SHUT_MS / 1000} s`,
      brokenAt,
      healedAt,
      broken:
        missing === 0 ? [] : [`${missing} members had not got what was said meanwhile when the edges heard again`],
    };
  },
};

export const clientKillNormal: Fault = {
  name: 'client-kill-normal',
  proves: 'Redis cuts every connection that asks: calls that were under way are settled, and nothing is lost.',
  quick: false,
  connectionsStay: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, now, until }) => {
    const { masters } = installation.databases;
    const brokenAt = now();
    const killed = await askForSum(masters, 'CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    if (killed === 0) throw new DidNotHappen('Redis had no connection to cut');
    await until('the services are connected again', async () => {
      return (await infoSum(masters, 'connected_clients')) >= killed;
    });
    return { proof: `Redis cut ${killed} connections`, brokenAt, healedAt: brokenAt };
  },
};
