import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { enableKeyspaceEvents } from '@holdfast/broker/keyspace-events';
import { liveSubscriber } from '@holdfast/broker/live-subscriber';
import { edgeBroker } from '@holdfast/broker/redis-broker';
import { redisKeys } from '@holdfast/broker/keys';
import { type CapturedLog, captureLog } from '@holdfast/service/captured-log';
import { createHealth } from '@holdfast/service/health';
import { createMetrics } from '@holdfast/service/metrics';
import { SingleRedis, type SubscriberSource } from '@holdfast/redis/redis';
import { RedisCluster } from '@holdfast/redis/cluster';
import type { RedisTarget } from '@holdfast/redis/config';
import type { RedisLink } from '@holdfast/redis/commands';
import { createEdge } from '../edge.ts';
import { type EdgeOptions, newEdgeId } from '../edge-options.ts';
import { exposeMetrics } from '../metrics.ts';
import { type ServerOptions, createEdgeServer } from '../http/server.ts';
import { PusherDoor } from '../pusher/door.ts';
import { broadcast } from '../transport/broadcast.ts';
import { watchRedis } from '../run-edge.ts';

export interface RunningEdgeOptions
  extends
    Partial<Pick<EdgeOptions, 'heartbeatMs' | 'maxConnections' | 'resumeDeadlineMs' | 'stuckMs' | 'drainSeconds'>>,
    Partial<Pick<ServerOptions, 'allowedOrigins' | 'directWrites' | 'frames' | 'limit'>> {
  redisUrl: string;
  prefix: string;
}

export interface ClusterEdgeOptions extends Omit<RunningEdgeOptions, 'redisUrl'> {
  target: Extract<RedisTarget, { kind: 'cluster' }>;
}

/** The settings of an edge by default: as in `config.ts`. */
export const defaults = { directWrites: true, frames: { framesPerSecond: 200, bytesPerSecond: 262_144 } };

/** An edge as `main.ts` wires it, in this process, on a port of its own. */
export async function startEdge({ redisUrl, ...options }: RunningEdgeOptions) {
  const id = newEdgeId();
  const log = captureLog();
  const { logger } = log;
  const redis = new SingleRedis({ kind: 'single', url: redisUrl }, { name: `edge-${id}`, logger });
  const subscriber = redis.openSubscriber();
  const source = { kind: redis.kind, openSubscriber: () => subscriber } as const;
  return { ...(await serve({ id, redis, source, log }, options)), commands: redis.commands, subscriber };
}

/** The same on a Cluster, known by some of its nodes. */
export async function startClusterEdge({ target, ...options }: ClusterEdgeOptions) {
  const id = newEdgeId();
  const log = captureLog();
  const redis = new RedisCluster(target, { name: `edge-${id}`, logger: log.logger });
  return serve({ id, redis, source: redis, log }, options);
}

interface Wiring {
  id: string;
  redis: RedisLink;
  source: SubscriberSource;
  log: CapturedLog;
}

async function serve({ id, redis, source, log }: Wiring, given: Omit<RunningEdgeOptions, 'redisUrl'>) {
  const {
    prefix,
    allowedOrigins = [],
    directWrites = defaults.directWrites,
    frames = defaults.frames,
    limit,
    ...options
  } = given;
  const { logger } = log;
  const metrics = createMetrics({ service: 'socket-edge' });
  const health = createHealth();
  const edge = createEdge({
    heartbeatMs: 25_000,
    maxConnections: 10_000,
    ...options,
    id,
    broker: edgeBroker(redis.commands, prefix),
    channels: (listener) => liveSubscriber(source, redisKeys(prefix), id, listener),
    broadcast,
    logger,
    door: (deps) => new PusherDoor(deps, { allowedOrigins, directWrites, frames }),
  });
  exposeMetrics(metrics, edge);
  health.check('redis', () => redis.fault());
  health.check('lease', () => edge.leaseFault);
  health.check('hearing', () => edge.probes.fault);
  health.check('draining', () => edge.drainFault);
  const server = createEdgeServer({
    edge,
    health,
    metrics,
    allowedOrigins,
    trustedProxies: [],
    directWrites,
    frames,
    ...(limit ? { limit } : {}),
    onError: (error) => logger.error({ err: error }, 'unexpected error'),
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `ws://127.0.0.1:${port}`;
  const stop = edge.start(url);
  watchRedis(redis, {
    logger,
    onReady: () => void edge.beat(),
    onBack: () => edge.compareEverything(),
    enable: enableKeyspaceEvents,
  });
  await edge.whenKnown;

  return {
    id,
    url,
    port,
    edge,
    health,
    log,
    metrics,
    /** Ends it as a kill does: without a word to anybody, with its connections cut. */
    async crash(): Promise<void> {
      stop();
      server.close();
      await redis.close();
      server.closeAllConnections();
      for (const list of [edge.registry, ...(edge.door ? [edge.door.connections] : [])]) {
        for (const { transport } of list.slice(0, list.size)) transport.terminate();
      }
      metrics.stop();
    },
    /** Ends it as a shutdown without any time for goodbyes does. */
    async stop(): Promise<void> {
      await edge.leave(0);
      stop();
      server.close();
      server.closeAllConnections();
      await redis.close();
      metrics.stop();
    },
  };
}

export type RunningEdge = Awaited<ReturnType<typeof startEdge>>;
