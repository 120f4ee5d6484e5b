import { DidNotHappen, type Fault } from '../fault.ts';

/** Short of the lease: what happens past it, edge-freeze shows. */
const CUT_OFF_MS = 6000;

async function isReady(url: string): Promise<boolean> {
  return (await fetch(`${url}/readyz`)).ok;
}

export const redisPartition: Fault = {
  name: 'redis-partition',
  proves:
    'Redis, all of it, cannot be reached from one edge: that edge says that it is not ready, keeps its connections, and ' +
    'fills what they missed when it can reach Redis again.',
  quick: false,
  needs: { proxies: { edgesToRedis: true } },
  connectionsStay: true,
  recoversWithinMs: 10_000,
  inject: async ({ installation, now, until, pass }) => {
    const [edge, other] = installation.edges;
    const [way] = installation.proxies.edgesToRedis;
    if (edge === undefined || other === undefined || way === undefined)
      throw new Error('an installation has two edges');
    const lines = way.connections();
    const brokenAt = now();
    way.blackHole();
    await until('the edge says that it is not ready', async () => !(await isReady(edge.url)));
    await pass(Math.max(0, CUT_OFF_MS - (now() - brokenAt)));
    const broken = (await isReady(other.url)) ? [] : [`${other.name}, which reaches Redis, says that it is not ready`];
    way.heal();
    // What was swallowed stays lost, so these lines are no good any more.
    way.cut();
    const healedAt = now();
    await until('the edge is ready again', () => isReady(edge.url));
    const swallowed = way.bytesSwallowed();
    if (swallowed === 0) throw new DidNotHappen('nothing was swallowed');
    const proof = `${lines} connections of ${edge.name} to Redis carried nothing for ${CUT_OFF_MS / 1000} s; ${swallowed} bytes were swallowed`;
    return { proof, brokenAt, healedAt, broken };
  },
};
