import { until } from '@holdfast/local/until';
import type { TargetOf } from '../generator-pool.ts';
import { HoldfastInstallation } from './holdfast-installation.ts';
import { type Layout, type Peer, type PeerContext, type Running, topicName } from './peer.ts';
import { APP, PUSHER_BATCH, PUSHER_SETTINGS, batchCall, publishCall } from './pusher-protocol.ts';

const KNOWN_WITHIN_MS = 30_000;

/** The same installation as `holdfast`, by the other door: no registered clients, channels made on demand. */
export const holdfastPusher: Peer = {
  name: 'holdfast, Pusher door',
  description: 'control-api, Redis, and an edge (or more); public channels; accelerator on',
  prepare: async () => ({ version: `this repository, Node ${process.versions.node}` }),
  start,
};

async function start(layout: Layout, { perProcess, log }: PeerContext): Promise<Running> {
  await using started = new AsyncDisposableStack();
  const edges = Math.ceil(layout.connections / perProcess);
  const installation = started.use(await HoldfastInstallation.start({ edges, log }));
  await installation.addKey({ id: 'bench-pusher', can: { subscribe: ['**'] }, pusher: APP });
  const { edgePorts } = installation;
  await Promise.all(edgePorts.map((port) => appKnown(port)));
  const publish = async (channel: string, data: string) => {
    const { path, body } = publishCall(channel, data);
    await installation.call('POST', path, body);
  };
  const running = started.move();
  return {
    servers: installation.edges.map(({ pid }) => pid),
    others: [...installation.controlPids, installation.redis.pid],
    settings: PUSHER_SETTINGS,
    target: targetOf(layout, edgePorts),
    publish: ({ topic, data }) => publish(topicName(topic), data),
    publishAll: async (messages) => {
      for (let from = 0; from < messages.length; from += PUSHER_BATCH) {
        const batch = messages.slice(from, from + PUSHER_BATCH);
        const { path, body } = batchCall(batch.map(({ topic, data }) => ({ channel: topicName(topic), data })));
        await installation.call('POST', path, body);
      }
    },
    killAndReplace: () => installation.kill(0),
    stop: () => running.disposeAsync(),
  };
}

/** A connection for each target; the channel is the topic's name. */
function targetOf(layout: Layout, ports: readonly number[]): TargetOf {
  return (connection) => {
    const topicNumbers = layout.topicsOf(connection);
    return {
      ports: [ports[connection % ports.length] ?? 0],
      credential: '-',
      topics: topicNumbers.map(topicName),
      topicNumbers,
    };
  };
}

/** Waits until an edge takes connections of the app: control-api writes down which apps there are. */
async function appKnown(port: number): Promise<void> {
  const url = `ws://127.0.0.1:${port}/app/${APP.key}?protocol=7`;
  await until('the edge knows the app', KNOWN_WITHIN_MS, async () => {
    const socket = new WebSocket(url);
    const first = await new Promise<string>((resolve) => {
      socket.addEventListener('message', ({ data }) => resolve(String(data)));
      socket.addEventListener('close', () => resolve(''));
      socket.addEventListener('error', () => resolve(''));
    });
    socket.close();
    return first.includes('pusher:connection_established');
  });
}
