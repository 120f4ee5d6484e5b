import { DidNotHappen, type Fault } from '../fault.ts';
import { readMetric } from '../installation/metrics.ts';

export const halfCut: Fault = {
  name: 'half-cut',
  proves: 'The connections of an edge to Redis fall silent without an end: it finds out by itself, and hears again.',
  quick: true,
  needs: { proxies: { edgesToRedis: true } },
  connectionsStay: true,
  recoversWithinMs: 12_000,
  inject: async ({ installation, now, until }) => {
    const [edge] = installation.edges;
    const [proxy] = installation.proxies.edgesToRedis;
    if (edge === undefined || proxy === undefined) throw new Error('an installation has an edge');
    const lost = () => readMetric(edge.url, 'subscriber_connections_lost_total');
    const [before, stranded] = [await lost(), proxy.connections()];
    const brokenAt = now();
    proxy.strand();
    await until('the edge replaces the connection on which it heard nothing', async () => (await lost()) > before);
    const swallowed = proxy.bytesSwallowed();
    if (swallowed === 0) throw new DidNotHappen('nothing was swallowed');
    const proof = `${stranded} connections of ${edge.name} to Redis were stranded, ${swallowed} bytes swallowed`;
    return { proof, brokenAt, healedAt: brokenAt };
  },
};
