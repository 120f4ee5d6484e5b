import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { enableKeyspaceEvents } from '@holdfast/broker/keyspace-events';
import { liveSubscriber } from '@holdfast/broker/live-subscriber';
import { edgeBroker } from '@holdfast/broker/redis-broker';
import { redisKeys } from '@holdfast/broker/keys';
import { createHealth } from '@holdfast/service/health';
import { type Logger, createLogger } from '@holdfast/service/logger';
import { createMetrics } from '@holdfast/service/metrics';
import type { SingleRedis } from '@holdfast/redis/redis';
import { openRedis } from '@holdfast/redis/redis';
import { toRedisTarget } from '@holdfast/redis/config';
import type { RedisLink } from '@holdfast/redis/commands';
import { onShutdown } from '@holdfast/service/shutdown';
import { startTracing } from '@holdfast/service/start-tracing';
import { authority } from './http/admin-port.ts';
import { listenForAdmin } from './http/admin-port.ts';
import { type EdgeConfig, maxConnections, maxSockets } from './config.ts';
import { createEdge } from './edge.ts';
import { newEdgeId } from './edge-options.ts';
import { exposeMetrics } from './metrics.ts';
import { edgeFacts } from './health/facts.ts';
import { loadMeter } from './health/load-meter.ts';
import { createEdgeServer } from './http/server.ts';
import { PusherDoor } from './pusher/door.ts';
import { broadcast } from './transport/broadcast.ts';
import { type ParentChannel, WorkerChannel } from './workers/worker-channel.ts';

/** Beyond the drain itself: the last releases, and closing the connection to Redis. */
const SHUTDOWN_RESERVE_MS = 10_000;
/**
 * Connections that wait to be accepted, as many as the system allows (`net.core.somaxconn`): of many that meet Node's
 * default of 511, most would get no answer, and try again after 1, 3, 7 and 15 s.
 */
const BACKLOG = 65_535;
/** Without Redis the edge listens all the same: it is not ready at /readyz, and refuses with 503. */
const REDIS_PATIENCE_MS = 2000;

/**
 * Runs one edge until a signal ends it.
 * @param parent the process that started this one, when it shares its port with others
 */
export async function runEdge(config: EdgeConfig, parent?: ParentChannel): Promise<void> {
  const id = newEdgeId();
  const logger = createLogger({ service: 'socket-edge', level: config.LOG_LEVEL }).child({ edge: id });
  const stopTracing = await startTracing(config, { service: 'socket-edge', instance: id, logger });
  const metrics = createMetrics({ service: 'socket-edge' });
  const health = createHealth();
  const leave = new AbortController();
  const onError = (error: unknown): void => logger.error({ err: error }, 'unexpected error');

  const redis = openRedis(toRedisTarget(config), { name: `edge-${id}`, logger });

  const frameLimits = {
    framesPerSecond: config.EDGE_MAX_FRAMES_PER_SECOND,
    bytesPerSecond: config.EDGE_MAX_FRAME_BYTES_PER_SECOND,
  };
  const edge = createEdge({
    id,
    broker: edgeBroker(redis.commands, config.REDIS_PREFIX),
    channels: (listener) => liveSubscriber(redis, redisKeys(config.REDIS_PREFIX), id, listener),
    broadcast,
    logger,
    door: (deps) =>
      new PusherDoor(deps, {
        allowedOrigins: config.EDGE_ALLOWED_ORIGINS ?? [],
        directWrites: config.EDGE_DIRECT_WRITES,
        frames: frameLimits,
      }),
    heartbeatMs: config.EDGE_HEARTBEAT,
    maxConnections: maxConnections(config),
    load: loadMeter(process),
    facts: edgeFacts(config, parent !== undefined),
    drainSeconds: config.EDGE_DRAIN_SECONDS,
  });
  exposeMetrics(metrics, edge);
  health.check('redis', () => redis.fault());
  health.check('lease', () => edge.leaseFault);
  health.check('hearing', () => edge.probes.fault);
  health.check('draining', () => edge.drainFault);

  const workerChannel =
    parent &&
    new WorkerChannel({
      channel: parent,
      metrics,
      health,
      onDrain: () => leave.abort(),
      onOrphaned: () => {
        logger.warn('parent process exited');
        server.close();
        leave.abort();
      },
      onError,
    });
  const server = createEdgeServer({
    edge,
    health,
    metrics: config.EDGE_ADMIN_PORT === undefined ? (workerChannel ?? metrics) : null,
    allowedOrigins: config.EDGE_ALLOWED_ORIGINS ?? [],
    trustedProxies: config.EDGE_TRUSTED_PROXIES ?? [],
    directWrites: config.EDGE_DIRECT_WRITES,
    frames: frameLimits,
    maxSockets: maxSockets(),
    onError,
  });
  // Of workers the parent has it.
  const admin = workerChannel ? null : await listenForAdmin(config, { health, metrics, onError });
  const reusePort = workerChannel !== undefined;
  server.listen({ port: config.EDGE_PORT, host: config.EDGE_HOST, backlog: BACKLOG, reusePort });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const at = authority(config.EDGE_HOST, port);
  const stop = edge.start(config.EDGE_ADVERTISE_URL ?? `ws://${at}`);
  watchRedis(redis, {
    logger,
    onReady: () => void edge.beat(),
    onBack: () => edge.compareEverything(),
    enable: enableKeyspaceEvents,
  });
  // Clients may connect once this is logged: so the lease comes first, unless Redis is away.
  await Promise.race([edge.whenKnown, delay(REDIS_PATIENCE_MS, undefined, { ref: false })]);
  // Of workers the parent logs it, when all do.
  const addresses = { address: `http://${at}`, ...(admin && { admin: admin.address }) };
  logger.info(addresses, workerChannel ? 'worker listening' : 'listening');
  workerChannel?.listening();

  onShutdown({
    logger,
    begin: leave.signal,
    deadlineMs: config.EDGE_DRAIN_SECONDS * 1000 + SHUTDOWN_RESERVE_MS,
    steps: [
      { name: 'not ready', run: () => health.drain() },
      { name: 'drain', run: () => edge.leave(config.EDGE_DRAIN_SECONDS) },
      { name: 'stop', run: stop },
      { name: 'send the last traces', run: stopTracing },
      { name: 'close the server', run: () => void server.close() },
      { name: 'close the port for administration', run: () => admin?.close() },
      { name: 'close redis', run: () => redis.close().then(() => metrics.stop()) },
    ],
  });
}

interface WatchRedis {
  logger: Logger;
  /** Redis answers, or one of its servers does, for the first time or again. */
  onReady: () => void;
  /** It was away and answers again, or took the place of one that is away. */
  onBack: () => void;
  /** Enables wake-ups at a server; returns why it could not, or null. */
  enable: (server: SingleRedis['commands']) => Promise<string | null>;
}

/** Does what is due each time Redis answers: a new one may have forgotten its settings, and everything else. */
export function watchRedis(redis: RedisLink, { logger, onReady, onBack, enable }: WatchRedis): void {
  let logged = false;
  const enableWakeUps = async (server: SingleRedis['commands']): Promise<void> => {
    const why = await enable(server);
    if (why === null || logged) return;
    logged = true;
    logger.warn({ why }, 'keyspace events are not available: changes are found by polling');
  };
  redis.onReady((server, again) => {
    onReady();
    if (again) onBack();
    void enableWakeUps(server);
  });
}
