import { askRedis } from './ask-redis.ts';
import { type RedisServer, type TlsFiles, startRedisServer } from './redis-server.ts';
import { until } from './until.ts';

const SLOTS = 16_384;
/** Nodes wait two seconds before they believe that a Cluster is whole; a busy machine takes its time as well. */
const FORMED_WITHIN_MS = 30_000;

/** What is to be known of a node to make it part of a Cluster. */
export interface ClusterMember {
  /** With its password, where it wants one. */
  readonly url: string;
  readonly port: number;
  readonly busPort: number;
}

export interface RedisClusterOptions {
  binary: string;
  /** Default 3. */
  masters?: number;
  /** One each for the first so many masters, and so on; default 3. */
  replicas?: number;
  /** More settings of each node. */
  args?: readonly string[];
  /** More variables of each node. */
  env?: Readonly<Record<string, string>>;
  tls?: TlsFiles;
  /** `user:password@`, where `args` ask for one. */
  login?: string;
}

export interface RedisCluster {
  /** Masters first. */
  readonly nodes: readonly RedisServer[];
  /** As REDIS_CLUSTER_NODES wants them. */
  readonly addresses: string;
  /** Ends all nodes and removes their directories. */
  readonly stop: () => Promise<void>;
}

/** Starts a Cluster of our own on 127.0.0.1. When it cannot be formed, the nodes are ended again. */
export async function startRedisCluster(options: RedisClusterOptions): Promise<RedisCluster> {
  const { binary, masters = 3, replicas = 3, args = [], env = {}, tls, login = '' } = options;
  await using started = new AsyncDisposableStack();
  const starts = await Promise.allSettled(
    Array.from({ length: masters + replicas }, () =>
      startRedisServer({ binary, busPort: 'any', args, env, ...(tls === undefined ? {} : { tls }) }),
    ),
  );
  const nodes = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  for (const node of nodes) started.defer(() => node.stop());
  const failure = starts.find((start) => start.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  const members = nodes.map(({ url, port, busPort }) => ({ url: url.replace('://', `://${login}`), port, busPort }));
  await formCluster(members.slice(0, masters), members.slice(masters));
  const running = started.move();
  return {
    nodes,
    addresses: nodes.map(({ port }) => `127.0.0.1:${port}`).join(','),
    stop: () => running.disposeAsync(),
  };
}

/** Makes one Cluster of running nodes: the slots are spread over the masters, and each replica follows one of them. */
export async function formCluster(
  masters: readonly ClusterMember[],
  replicas: readonly ClusterMember[],
): Promise<void> {
  const [first] = masters;
  if (first === undefined) throw new Error('a Cluster has a master');
  for (const [index, { url }] of masters.entries()) {
    const from = Math.floor((index * SLOTS) / masters.length);
    const to = Math.floor(((index + 1) * SLOTS) / masters.length) - 1;
    await askRedis(url, 'CLUSTER', 'ADDSLOTSRANGE', from, to);
    await askRedis(url, 'CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
  }
  const all = [...masters, ...replicas];
  for (const member of all.slice(1)) await meet(first, member);
  await untilAll(all, 'every node knows every other', async (member) => (await knownNodes(member)) === all.length);
  for (const [index, { url }] of replicas.entries()) {
    const master = masters[index % masters.length];
    await askRedis(url, 'CLUSTER', 'REPLICATE', master === undefined ? '' : await nodeId(master));
  }
  await untilWhole(all);
  await untilAll(replicas, 'replicas follow', async ({ url }) =>
    String(await askRedis(url, 'INFO', 'replication')).includes('master_link_status:up'),
  );
}

/** Makes an empty node part of a Cluster; it has no slots. */
export async function joinCluster(members: readonly ClusterMember[], newcomer: ClusterMember): Promise<void> {
  for (const member of members.slice(0, 1)) await meet(member, newcomer);
  const all = [...members, newcomer];
  await untilAll(all, 'every node knows the new one', async (member) => (await knownNodes(member)) >= all.length);
  await untilWhole(all);
}

/** Waits until every node says that all slots are served. */
export async function untilWhole(members: readonly ClusterMember[]): Promise<void> {
  await untilAll(members, 'all slots are served', async ({ url }) =>
    String(await askRedis(url, 'CLUSTER', 'INFO')).includes('cluster_state:ok'),
  );
}

export async function nodeId({ url }: Pick<ClusterMember, 'url'>): Promise<string> {
  return String(await askRedis(url, 'CLUSTER', 'MYID'));
}

async function meet(member: ClusterMember, newcomer: ClusterMember): Promise<void> {
  await askRedis(member.url, 'CLUSTER', 'MEET', '127.0.0.1', newcomer.port, newcomer.busPort);
}

async function knownNodes({ url }: ClusterMember): Promise<number> {
  const lines = String(await askRedis(url, 'CLUSTER', 'NODES'))
    .trim()
    .split('\n');
  return lines.filter((line) => !/handshake|fail|noaddr/.test(line)).length;
}

async function untilAll(
  members: readonly ClusterMember[],
  what: string,
  isSo: (member: ClusterMember) => Promise<boolean>,
): Promise<void> {
  await until(what, FORMED_WITHIN_MS, async () => (await Promise.all(members.map(isSo))).every(Boolean));
}
