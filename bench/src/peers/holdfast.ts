import { availableParallelism } from 'node:os';
import { type TargetOf, each } from '../generator-pool.ts';
import type { Settings } from '../generator.ts';
import { HoldfastInstallation, clientIds } from './holdfast-installation.ts';
import { type Layout, type Peer, type PeerContext, type Running, topicName, topicNumbersOf } from './peer.ts';

/** A connection that comes back resumes from the last id that it has seen, or the position in its first welcome. */
export const SETTINGS: Settings = [
  ['path', '/v1/connect?client=%c'],
  ['again-path', '/v1/connect?client=%c&resume=1'],
  ['again-hello', '{"type":"resume","positions":{"%t":"%p"}}'],
  ['ready', '"type":"welcome"'],
  ['position', '"id":"'],
  ['start-position', '"%t":{"position":"'],
];

/** Edges for the clients of a killed edge: as many as this machine has cores, because an edge is one thread. */
export const STANDING_BY = availableParallelism();

/** Registered clients, claims in Redis, a log for every topic: with the edge's accelerator. */
export const holdfast = holdfastPeer('holdfast', 'on', 'control-api, Redis, and an edge (or more); accelerator on');
/** The same with `ws` doing all the writing. */
export const holdfastPlain = holdfastPeer('holdfast-ws', 'off', 'the same, accelerator off');

function holdfastPeer(name: string, directWrites: 'on' | 'off', description: string): Peer {
  return {
    name,
    description,
    prepare: async () => ({ version: `this repository, Node ${process.versions.node}` }),
    start: (layout, context) => startHoldfast({ EDGE_DIRECT_WRITES: directWrites }, layout, context),
  };
}

/** Starts it with more variables of its services. */
export async function startHoldfast(
  env: Readonly<Record<string, string>>,
  layout: Layout,
  { perProcess, log }: PeerContext,
): Promise<Running> {
  await using started = new AsyncDisposableStack();
  const serving = Math.ceil(layout.connections / perProcess);
  const edges = serving + (layout.willBeKilled === true ? STANDING_BY : 0);
  const installation = started.use(await HoldfastInstallation.start({ edges, env, log }));
  const target = targetOf(layout, installation.edgePorts, serving);
  await installation.createTopics([...topicNumbersOf(layout), ...(layout.moreTopics ?? [])]);
  await installation.register(each(layout.connections, target));
  const running = started.move();
  return {
    servers: installation.edges.map(({ pid }) => pid),
    others: [...installation.controlPids, installation.redis.pid],
    settings: SETTINGS,
    target,
    publish: (message) => installation.publish(message),
    publishAll: (messages) => installation.publishAll(messages),
    killAndReplace: () => installation.kill(0),
    stop: () => running.disposeAsync(),
  };
}

/** A client for each connection, with the port of its edge, and after it those of the edges that stand by, in turn. */
export function targetOf(
  layout: Layout,
  ports: readonly number[],
  serving: number,
  credential: (connection: number) => string = clientIds(),
): TargetOf {
  return (connection) => {
    const topicNumbers = layout.topicsOf(connection);
    const first = serving + (connection % Math.max(1, ports.length - serving));
    return {
      ports: [ports[connection % serving] ?? 0, ...ports.slice(first), ...ports.slice(serving, first)],
      credential: credential(connection),
      topics: topicNumbers.map(topicName),
      topicNumbers,
    };
  };
}
