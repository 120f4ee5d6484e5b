import { redisKeys } from '@holdfast/protocol/keys';
import { DidNotHappen, type Fault } from '../fault.ts';

/** A topic from which an edge hears nothing is compared with Redis every ten seconds. */
const FOUND_WITHIN_MS = 15_000;

export const deafSubscription: Fault = {
  name: 'deaf-subscription',
  proves:
    'An edge is deaf to one topic, with every connection healthy: it finds out by looking, and fills what it missed.',
  quick: false,
  needs: { proxies: { edgesToRedis: true } },
  connectionsStay: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, crew, publisher, laterTopics, members, now }) => {
    const topic = laterTopics[0];
    const [deafness] = installation.deafness;
    if (topic === undefined || deafness === undefined) throw new Error('an edge was to be made deaf');
    const { controlUrls, prefix } = installation;
    await crew.all('change', { what: 'subscribe', members, topic, controlUrls, retry: true });
    const brokenAt = now();
    // To the end of the run: nothing but the comparison ever tells this edge of the topic again.
    deafness.channels.add(redisKeys(prefix).topicLive(topic));
    const positions = await publisher.fence([topic]);
    const answers = await crew.all('reached', { positions, timeoutMs: FOUND_WITHIN_MS });
    const missing = answers.reduce((sum, answer) => sum + answer.missing, 0);
    if (deafness.dropped === 0) throw new DidNotHappen('Redis said nothing that could be dropped');
    return {
      proof: `${deafness.dropped} messages of ${topic} never reached ${installation.edges[0]?.name}`,
      brokenAt,
      healedAt: brokenAt,
      broken:
        missing === 0
          ? []
          : [`${missing} members had not got a message of the topic after ${FOUND_WITHIN_MS / 1000} s`],
    };
  },
};
