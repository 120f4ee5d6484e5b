import { DidNotHappen } from '../not-run.ts';
import type { CommonFault, Fault } from '../fault.ts';
import { readMetric } from '../installation/servers.ts';
import { askForSum, infoSum } from '../installation/servers.ts';

/** So long Redis takes no new connections. */
const SHUT_MS = 1500;
/** Sooner than anything else would find it: a quiet topic is compared with Redis after ten seconds. */
const CAUGHT_UP_WITHIN_MS = 2500;

export const clientKillPubsub: CommonFault = {
  name: 'client-kill-pubsub',
  proves: 'Redis cuts every subscriber: each edge notices, subscribes again, and looks at once for what it missed.',
  quick: true,
  needs: { proxies: { edgesToRedis: true } },
  connectionsStay: true,
  presenceStays: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, publishTo, missing: missingOf, quietTopic, now, pass }) => {
    const { masters } = installation.databases;
    const proxies = installation.proxies.edgesToRedis;
    // Heard a moment ago: so it is this cut that edges find out of, and not the silence of the topic.
    await missingOf(await publishTo([quietTopic]), CAUGHT_UP_WITHIN_MS);
    const brokenAt = now();
    for (const proxy of proxies) proxy.refuse();
    const killed = await askForSum(masters, 'CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'yes');
    if (killed < proxies.length * masters.length) throw new DidNotHappen(`Redis had ${killed} subscribers to cut`);
    const unheard = await publishTo([quietTopic]);
    await pass(SHUT_MS);
    for (const proxy of proxies) proxy.heal();
    const healedAt = now();
    const missing = await missingOf(unheard, CAUGHT_UP_WITHIN_MS);
    return {
      proof: `Redis cut ${killed} subscribers, and none could subscribe again for ${SHUT_MS / 1000} s`,
      brokenAt,
      healedAt,
      broken:
        missing === 0
          ? []
          : [`${missing} members had not got what was published meanwhile when the edges were subscribed again`],
    };
  },
};

export const clientKillNormal: Fault = {
  name: 'client-kill-normal',
  proves: 'Redis cuts every connection that asks: calls that were under way are settled, and nothing is lost.',
  quick: false,
  connectionsStay: true,
  presenceStays: true,
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

export const halfCut: Fault = {
  name: 'half-cut',
  proves:
    'The connections of an edge to Redis fall silent without an end: it finds out by itself, subscribes again, and looks at ' +
    'once for what it missed.',
  quick: true,
  needs: { proxies: { edgesToRedis: true } },
  connectionsStay: true,
  presenceStays: true,
  recoversWithinMs: 12_000,
  inject: async ({ installation, pool, publisher, quietTopic, now, until }) => {
    const [edge] = installation.edges;
    const [proxy] = installation.proxies.edgesToRedis;
    if (edge === undefined || proxy === undefined) throw new Error('an installation has an edge');
    const lost = () => readMetric(edge.url, 'subscriber_connections_lost_total');
    const [before, stranded] = [await lost(), proxy.connections()];
    const reached = async (positions: Record<string, string>, timeoutMs: number) => {
      const answers = await pool.all('reached', { positions, timeoutMs });
      return answers.reduce((sum, answer) => sum + answer.missing, 0);
    };
    // Heard a moment ago: so it is this cut that the edge finds out of, and not the silence of the topic.
    await reached(await publisher.fence([quietTopic]), CAUGHT_UP_WITHIN_MS);
    const brokenAt = now();
    proxy.strand();
    const unheard = await publisher.fence([quietTopic]);
    await until('the edge replaces the connection that has stalled', async () => (await lost()) > before);
    const missing = await reached(unheard, CAUGHT_UP_WITHIN_MS);
    const swallowed = proxy.bytesSwallowed();
    if (swallowed === 0) throw new DidNotHappen('nothing was swallowed');
    return {
      proof: `${stranded} connections of ${edge.name} to Redis were stranded, ${swallowed} bytes swallowed`,
      brokenAt,
      healedAt: brokenAt,
      broken:
        missing === 0
          ? []
          : [`${missing} members had not got what was published meanwhile when the edge was subscribed again`],
    };
  },
};

/** Short of the lease: what happens past it, edge-freeze shows. */
const CUT_OFF_MS = 6000;

async function isReady(url: string): Promise<boolean> {
  return (await fetch(`${url}/readyz`)).ok;
}

export const redisPartition: Fault = {
  name: 'redis-partition',
  proves:
    'Redis, all of it, cannot be reached from one edge: that edge reports that it is not ready, keeps its connections, and ' +
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
    await until('the edge reports that it is not ready', async () => !(await isReady(edge.url)));
    await pass(Math.max(0, CUT_OFF_MS - (now() - brokenAt)));
    const broken = (await isReady(other.url))
      ? []
      : [`${other.name}, which reaches Redis, reports that it is not ready`];
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

export const socketsCut: Fault = {
  name: 'sockets-cut',
  proves: 'Connections of clients fall silent without a FIN: clients notice, come back, and have missed nothing.',
  quick: false,
  needs: { proxies: { clientsToEdges: true }, edgeEnv: { EDGE_HEARTBEAT: '1500ms' } },
  recoversWithinMs: 10_000,
  inject: async ({ installation, now, until }) => {
    const [proxy] = installation.proxies.clientsToEdges;
    if (proxy === undefined) throw new Error('an installation has an edge');
    const stranded = proxy.connections();
    const brokenAt = now();
    proxy.strand();
    await until('bytes are swallowed', () => proxy.bytesSwallowed() > 0);
    if (stranded === 0) throw new DidNotHappen('no client was connected there');
    const proof = `${stranded} connections of clients were stranded without a FIN`;
    return { proof, brokenAt, healedAt: brokenAt };
  },
};
