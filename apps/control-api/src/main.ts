import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { BrokenRecord } from '@holdfast/broker/broken-records';
import { controlBroker } from '@holdfast/broker/redis-broker';
import { webhookBroker } from '@holdfast/broker/webhook-broker';
import { pageFiles } from '@holdfast/console/files';
import { createHealth } from '@holdfast/service/health';
import { createLogger } from '@holdfast/service/logger';
import { createMetrics } from '@holdfast/service/metrics';
import { openRedis } from '@holdfast/redis/redis';
import { toRedisTarget } from '@holdfast/redis/config';
import { redisFacts } from '@holdfast/redis/inspection';
import { redisLoads } from '@holdfast/redis/load';
import { runMain } from '@holdfast/service/run-main';
import { onShutdown } from '@holdfast/service/shutdown';
import { startTracing } from '@holdfast/service/start-tracing';
import { buildApp } from './app.ts';
import { openKeys } from './auth/keys-file.ts';
import { clientExpiry } from './clients/client-expiry.ts';
import { isProduction, limitsOf, readVariables, servesConsole } from './config.ts';
import { checkRedis, openAdmin } from './observability/health.ts';
import { startAppRegistry } from './pusher/app-registry.ts';
import { startReaper } from './reaper.ts';
import { startRefreshingEvents } from './webhooks/refreshing.ts';
import { createWebhookMetrics } from './webhooks/webhook-metrics.ts';
import { openWebhooksFile } from './webhooks/webhooks-file.ts';
import { startWebhooks } from './webhooks/webhooks.ts';

const SERVICE = 'control-api';
/** Longer than a call may take to arrive (10 s) and to be answered (Redis answers within 2 s, or is given up). */
const SHUTDOWN_MS = 15_000;
/** Without Redis it listens all the same, is not ready, and answers 503. */
const REDIS_WAIT_MS = 2000;

await runMain(async () => {
  const config = await readVariables(process.env);
  const logger = createLogger({ service: SERVICE, level: config.LOG_LEVEL });
  const stopTracing = await startTracing(config, { service: SERVICE, instance: randomUUID(), logger });
  const metrics = createMetrics({ service: SERVICE });
  const health = createHealth();
  const keys = await openKeys(config.API_KEYS_FILE, { production: isProduction(config), logger });
  const allowPrivate = config.WEBHOOKS_ALLOW_PRIVATE === '1';
  const webhooksFile = config.WEBHOOKS_FILE && (await openWebhooksFile(config.WEBHOOKS_FILE, { allowPrivate, logger }));

  const redis = openRedis(toRedisTarget(config), { name: SERVICE, logger });
  const ready = redis.whenReady({ logger }).catch((error: unknown) => {
    logger.debug({ err: error }, 'stopped waiting for Redis');
  });
  const onBroken = (record: BrokenRecord): void => logger.error({ ...record }, 'a record in Redis cannot be read');
  const broker = controlBroker(redis.commands, config.REDIS_PREFIX, onBroken);
  const bulkRedis = openRedis(toRedisTarget(config), { name: `${SERVICE}-bulk`, logger });
  const bulkBroker = controlBroker(bulkRedis.commands, config.REDIS_PREFIX, onBroken);
  const expiry = clientExpiry(keys.ring, config.CLIENT_EXPIRY === undefined ? null : config.CLIENT_EXPIRY / 1000);
  const apps = startAppRegistry({ broker, keys: keys.ring, logger });
  const stops = [
    checkRedis(broker, redis, health, logger),
    startReaper({ broker, redis, keys: keys.ring, expiry, logger }),
    startRefreshingEvents(broker, redis, logger),
    apps.stop,
    keys.watch(),
    metrics.stop,
  ];
  const webhooks =
    webhooksFile &&
    startWebhooks({
      source: webhooksFile,
      broker: webhookBroker(bulkRedis.commands, config.REDIS_PREFIX),
      control: broker,
      findApp: (appId) => keys.ring.appInForce(appId),
      sending: { allowPrivate },
      maxBytes: config.WEBHOOKS_BUFFER_MIB * 1024 ** 2,
      metrics: createWebhookMetrics(metrics),
      logger,
    });
  process.on('SIGHUP', () => {
    void keys.reload();
    if (webhooksFile) void webhooksFile.reload();
  });

  const trustedProxies = config.CONTROL_TRUSTED_PROXIES ?? [];
  const allowedOrigins = config.CONTROL_ALLOWED_ORIGINS ?? [];
  const app = await buildApp({
    broker,
    bulkBroker,
    redisLoads: () => redisLoads(redis.servers()),
    redisFacts: () => redisFacts(redis, toRedisTarget(config)),
    settings: { production: isProduction(config), allowedOrigins: config.CONTROL_ALLOWED_ORIGINS },
    keys: keys.ring,
    keysFile: keys.file,
    clientExpiry: expiry,
    health,
    metrics,
    logger,
    trustedProxies,
    allowedOrigins,
    limits: limitsOf(config),
    // Bundled, or read, only where it is served.
    console: servesConsole(config) ? await pageFiles('console') : null,
    docs: await pageFiles('docs'),
    servesMetrics: config.CONTROL_ADMIN_PORT === undefined,
    ...(webhooks ? { webhooks } : {}),
    pusherPathPrefixes: config.PUSHER_PATH_PREFIX ?? [],
  });
  // "listening" means that calls succeed: so Redis comes first, unless it is unavailable.
  await Promise.race([ready, delay(REDIS_WAIT_MS, undefined, { ref: false })]);
  // Before its first call: there may be events of it to write.
  await broker.refreshEvents().catch(() => undefined);
  // What was tried at once came before Redis did, and is tried again seconds later.
  await apps.write();
  const admin = await openAdmin(config, { health, metrics });
  const address = await app.listen({ host: config.CONTROL_HOST, port: config.CONTROL_PORT });
  logger.info({ address, ...(admin === null ? {} : { admin: admin.address }) }, 'listening');

  onShutdown({
    logger,
    deadlineMs: SHUTDOWN_MS,
    steps: [
      { name: 'report not ready', run: () => health.drain() },
      { name: 'finish calls in progress', run: () => app.close() },
      { name: 'hand over webhooks', run: () => (webhooks ? webhooks.stop() : undefined) },
      { name: 'send the last traces', run: stopTracing },
      { name: 'stop timers', run: () => stops.forEach((stop) => stop()) },
      { name: 'close the admin port', run: () => admin?.close() },
      { name: 'disconnect from Redis', run: async () => void (await Promise.all([redis.close(), bulkRedis.close()])) },
    ],
  });
});
