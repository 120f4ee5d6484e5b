import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Installation, startInstallation } from '@holdfast/local/installation';
import { forEachBounded } from '../bounded.ts';
import type { Target } from '../crew.ts';
import type { Settings } from '../generator.ts';
import { HttpPool } from '../http-pool.ts';
import {
  type Layout,
  type Message,
  type Peer,
  type Running,
  type Surroundings,
  topicName,
  topicNumbersOf,
} from './peer.ts';
import { startRedis } from './redis.ts';

/** Registrations under way at once: enough to keep a control-api busy. */
const REGISTERING = 32;
const LOOK_EVERY_MS = 50;
const EDGES_WITHIN_MS = 20_000;
/** Most messages of a batch, by the contract. */
const BATCH = 1000;

const SETTINGS: Settings = [
  ['path', '/v1/connect?client=%c'],
  ['again-path', '/v1/connect?client=%c&resume=1'],
  ['again-hello', '{"type":"resume","positions":{"%t":"%p"}}'],
  ['ready', '"type":"welcome"'],
  ['position', '"id":"'],
  ['start-position', '"%t":{"position":"'],
];

/** Registered clients, claims in Redis, a log for every topic: with the edge's accelerator. */
export const holdfast = holdfastPeer('holdfast', 'on', 'one edge, one control-api, Redis; accelerator on');
/** The same with `ws` doing all the writing. */
export const holdfastPlain = holdfastPeer('holdfast-ws', 'off', 'one edge, one control-api, Redis; accelerator off');

function holdfastPeer(name: string, directWrites: 'on' | 'off', description: string): Peer {
  return {
    name,
    description,
    prepare: async () => ({ version: `this repository, Node ${process.versions.node}` }),
    start: (layout, surroundings) => start({ EDGE_DIRECT_WRITES: directWrites }, layout, surroundings),
  };
}

async function start(
  env: Readonly<Record<string, string>>,
  layout: Layout,
  surroundings: Surroundings,
): Promise<Running> {
  await using started = new AsyncDisposableStack();
  const redis = await startRedis(surroundings);
  started.defer(redis.stop);
  const serving = Math.ceil(layout.connections / surroundings.perProcess);
  const edges = serving + (layout.willBeKilled === true ? 1 : 0);
  const installation = await startInstallation({ edges, redis, env, announce: surroundings.say });
  started.defer(installation.stop);
  const http = new HttpPool(Number(new URL(installation.controlUrl).port), REGISTERING, {
    'X-API-Key': installation.key,
    'Content-Type': 'application/json',
  });
  started.defer(() => http.close());
  await edgesKnown(http, edges);
  const targets = await register(http, layout, portsOf(installation, serving));
  const running = started.move();
  return {
    servers: installation.edges.map(({ pid }) => pid),
    others: [
      ...installation.controls.map(({ pid }) => ({ name: 'control-api', pid })),
      { name: 'redis', pid: redis.pid },
    ],
    settings: SETTINGS,
    targets,
    publish: async ({ topic, data }) => {
      await http.call('POST', `/v1/topics/${topicName(topic)}/messages`, data);
    },
    publishAll: (messages) => publishBatches(http, messages),
    killAndReplace: async () => {
      installation.edges[0]?.kill('SIGKILL');
      await installation.edges[0]?.exited;
    },
    stop: () => running.disposeAsync(),
  };
}

async function edgesKnown(http: HttpPool, count: number): Promise<void> {
  const giveUpAt = performance.now() + EDGES_WITHIN_MS;
  for (;;) {
    const { edges } = JSON.parse((await http.call('GET', '/v1/edges')).body) as { edges: unknown[] };
    if (edges.length === count) return;
    if (performance.now() > giveUpAt) throw new Error(`${edges.length} of ${count} edges are known`);
    await delay(LOOK_EVERY_MS);
  }
}

/** The ports of each connection's edge, and behind it those of the edges that stand by. */
function portsOf({ edges }: Installation, serving: number): (connection: number) => number[] {
  const ports = edges.map(({ url }) => Number(new URL(url).port));
  const standingBy = ports.slice(serving);
  return (connection) => [ports[connection % serving] ?? 0, ...standingBy];
}

/** Creates the topics, and registers a client for each connection. */
async function register(http: HttpPool, layout: Layout, ports: (connection: number) => number[]): Promise<Target[]> {
  await forEachBounded(topicNumbersOf(layout), REGISTERING, async (topic) => {
    await http.call('PUT', `/v1/topics/${topicName(topic)}`, '{}');
  });
  const targets = Array.from({ length: layout.connections }, (_, index) => {
    const topicNumbers = layout.topicsOf(index);
    return { ports: ports(index), credential: randomUUID(), topics: topicNumbers.map(topicName), topicNumbers };
  });
  await forEachBounded(targets, REGISTERING, async ({ credential, topics }) => {
    await http.call('POST', '/v1/clients', JSON.stringify({ clientId: credential, topics }));
  });
  return targets;
}

async function publishBatches(http: HttpPool, messages: readonly Message[]): Promise<void> {
  for (let from = 0; from < messages.length; from += BATCH) {
    const items = messages
      .slice(from, from + BATCH)
      .map(({ topic, data }) => `{"topics":["${topicName(topic)}"],"data":${data}}`);
    const { body } = await http.call('POST', '/v1/messages', `{"messages":[${items.join(',')}]}`);
    const refused = (JSON.parse(body) as { results: { ok: boolean }[] }).results.find(({ ok }) => !ok);
    if (refused !== undefined) throw new Error(`a message of a batch was refused: ${JSON.stringify(refused)}`);
  }
}
