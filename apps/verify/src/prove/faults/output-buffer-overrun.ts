import { DidNotHappen, type Fault } from '../fault.ts';
import { readMetric } from '../installation/metrics.ts';
import { askEach } from '../installation/servers.ts';

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
  inject: async ({ installation, crew, laterTopics, publisher, now, until }) => {
    const { edges, controlUrls, databases } = installation;
    const { masters } = databases;
    const [edge] = edges;
    const topic = laterTopics[0];
    if (edge === undefined || topic === undefined) throw new Error('an installation has an edge');
    // Enough of them that some are on that edge, which therefore hears the topic.
    const members = Math.ceil((READERS * edges.length) / crew.size);
    await crew.all('change', { what: 'subscribe', members, topic, controlUrls, retry: true });
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
