import { DidNotHappen, type Fault } from '../fault.ts';
import { readMetric } from '../installation/metrics.ts';

/** Sooner than anything else would find it: a quiet topic is compared with Redis after ten seconds. */
const CAUGHT_UP_WITHIN_MS = 2500;

export const halfCut: Fault = {
  name: 'half-cut',
  proves:
    'The connections of an edge to Redis fall silent without an end: it finds out by itself, hears again, and looks at ' +
    'once for what it missed.',
  quick: true,
  needs: { proxies: { edgesToRedis: true } },
  connectionsStay: true,
  recoversWithinMs: 12_000,
  inject: async ({ installation, crew, publisher, quietTopic, now, until }) => {
    const [edge] = installation.edges;
    const [proxy] = installation.proxies.edgesToRedis;
    if (edge === undefined || proxy === undefined) throw new Error('an installation has an edge');
    const lost = () => readMetric(edge.url, 'subscriber_connections_lost_total');
    const [before, stranded] = [await lost(), proxy.connections()];
    const reached = async (positions: Record<string, string>, timeoutMs: number) => {
      const answers = await crew.all('reached', { positions, timeoutMs });
      return answers.reduce((sum, answer) => sum + answer.missing, 0);
    };
    // Heard a moment ago: so it is this cut that the edge finds out of, and not the silence of the topic.
    await reached(await publisher.fence([quietTopic]), CAUGHT_UP_WITHIN_MS);
    const brokenAt = now();
    proxy.strand();
    const unheard = await publisher.fence([quietTopic]);
    await until('the edge replaces the connection on which it heard nothing', async () => (await lost()) > before);
    const missing = await reached(unheard, CAUGHT_UP_WITHIN_MS);
    const swallowed = proxy.bytesSwallowed();
    if (swallowed === 0) throw new DidNotHappen('nothing was swallowed');
    return {
      proof: `${stranded} connections of ${edge.name} to Redis were stranded, ${swallowed} bytes swallowed`,
      brokenAt,
      healedAt: brokenAt,
      broken: missing === 0 ? [] : [`${missing} members had not got what was said meanwhile when the edge heard again`],
    };
  },
};
