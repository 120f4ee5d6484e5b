import type { ControlBroker } from '@holdfast/broker/broker';
import type { PageFiles } from '@holdfast/console/files';
import type { Health } from '@holdfast/service/health';
import type { Logger } from '@holdfast/service/logger';
import type { Metrics } from '@holdfast/service/metrics';
import { type FastifyBaseLogger, type FastifyInstance, LogController, fastify } from 'fastify';
import { type KeyRing, apiKeys } from './auth/authentication.ts';
import type { KeysFile } from './auth/keys-file.ts';
import { ownKeyRoute } from './auth/own-key-route.ts';
import { TokenVerifier } from './auth/tokens/token-verifier.ts';
import type { ClientExpiry } from './clients/client-expiry.ts';
import { clientRoutes } from './clients/client-routes.ts';
import { clientTopicRoutes } from './clients/client-topic-routes.ts';
import { pastConnectionRoutes } from './clients/past-connections.ts';
import { doctorRoutes } from './doctor/doctor-routes.ts';
import type { ControlSettings } from './doctor/facts.ts';
import type { DoctorSources } from './doctor/gather.ts';
import { capacityRoutes, edgeRoutes } from './edges/edge-routes.ts';
import { EdgeDirectory } from './edges/placement.ts';
import { keyRoutes } from './keys/key-routes.ts';
import { keyUsage } from './keys/key-usage.ts';
import { explainRoutes } from './explain/explain-routes.ts';
import { jsonBodies } from './http/bodies.ts';
import { pages, safeHeaders } from './http/headers.ts';
import { answerClientError, answerFrameworkError, problemAnswers } from './http/problems.ts';
import { limitedServer } from './http/server.ts';
import { validatorCompiler } from './http/validation.ts';
import { BulkReads } from './limits/bulk-reads.ts';
import { type ApiLimits, callLimits } from './limits/call-limits.ts';
import { ClientRates } from './limits/client-rates.ts';
import { logRoutes } from './messages/log-routes.ts';
import { batchRoutes, messageRoutes } from './messages/message-routes.ts';
import { healthRoutes } from './observability/health.ts';
import { createCounts, requestMetrics } from './observability/metrics.ts';
import { auditLog, requestLog } from './observability/request-log.ts';
import { requestTraces } from './observability/tracing.ts';
import { openApi, version } from './openapi/document.ts';
import { pageRoutes } from './pages/page-routes.ts';
import { startRoute } from './pages/start.ts';
import { withoutPrefix } from './pusher/path-prefixes.ts';
import { pusherRoutes } from './pusher/pusher-routes.ts';
import { presenceRoutes } from './presence/presence-routes.ts';
import type { BulkBroker, Services } from './services.ts';
import { topicRoutes } from './topics/topic-routes.ts';
import { userMessageRoutes } from './users/user-message-routes.ts';
import { userRoutes } from './users/user-routes.ts';
import { webhookRoutes } from './webhooks/webhook-routes.ts';
import { NO_WEBHOOKS, type Webhooks } from './webhooks/webhooks.ts';

/** A thousand topics of the longest name, and what JSON adds. Calls that publish have bounds of their own. */
const BODY_BYTES = 256 * 1024;
/** Only a hostile or stuck client takes longer to send headers, or a request. */
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const TIMEOUT_CHECK_MS = 1_000;
/** Longer than balancers keep theirs (HAProxy: 60 s): the side that closes last never drops a call that is on its way. */
const KEEP_ALIVE_MS = 72_000;
const HTTP_OPTIONS = {
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  connectionsCheckingInterval: TIMEOUT_CHECK_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
};
/** The longest URL of node:http, so that only the schemas judge path parameters. */
const MAX_PATH_PART = 16 * 1024;

export interface AppOptions {
  readonly broker: ControlBroker;
  readonly bulkBroker: BulkBroker;
  readonly redisLoads: Services['redisLoads'];
  readonly redisFacts: DoctorSources['redisFacts'];
  readonly keys: KeyRing;
  /** Null: there is none, and no call changes keys. */
  readonly keysFile: KeysFile | null;
  readonly clientExpiry: ClientExpiry;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Addresses and networks whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Origins whose pages may call; "*" is any. */
  readonly allowedOrigins: readonly string[];
  readonly limits: ApiLimits;
  /** The page at `/console`; null: it is off. */
  readonly console: PageFiles | null;
  /** The page at `/docs`; null: there is none. */
  readonly docs: PageFiles | null;
  /** What the doctor judges beside the rest. */
  readonly settings: Pick<ControlSettings, 'production' | 'allowedOrigins'>;
  /** False when they have a port of their own. */
  readonly servesMetrics: boolean;
  /** Not given: the installation has none. */
  readonly webhooks?: Webhooks;
  /** What stands before `/apps/` in the URLs of the callers of the Pusher door. */
  readonly pusherPathPrefixes?: readonly string[];
}

/** The Control API, ready to listen or to be injected requests; it does neither by itself. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { broker, bulkBroker, redisLoads, keys, clientExpiry, metrics, logger } = options;
  const { trustedProxies, allowedOrigins, limits, pusherPathPrefixes = [] } = options;
  const app = fastify({
    loggerInstance: quiet(logger),
    // A child logger for each call would compile its redaction each time, and none is used.
    childLoggerFactory: (parent) => parent,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES,
    serverFactory: (handle) => limitedServer(handle, HTTP_OPTIONS, { ...limits, trustedProxies }),
    // A close waits for calls that are under way, and for nothing else; what still comes in meanwhile is answered.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    routerOptions: { maxParamLength: MAX_PATH_PART },
    ...(pusherPathPrefixes.length === 0 ? {} : { rewriteUrl: withoutPrefix(pusherPathPrefixes) }),
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: answerClientError,
  });
  app.setValidatorCompiler(validatorCompiler);
  // Answers are typed by their schemas when they are compiled; checking each again would cost more than making it.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));

  await app.register(problemAnswers, { logger });
  await app.register(requestTraces);
  await app.register(requestLog, { logger });
  await app.register(requestMetrics, { metrics });
  await app.register(safeHeaders);
  await app.register(callLimits, { keys, limits });
  await app.register(openApi);
  await app.register(pages, { allowedOrigins });
  await app.register(apiKeys);
  await app.register(auditLog, { logger, broker });
  await app.register(keyUsage, { logger, broker });
  await app.register(jsonBodies);
  await app.register(healthRoutes, options);
  const { console, docs } = options;
  // Edges are other origins.
  if (console !== null) await app.register(pageRoutes, { path: '/console', files: console, connects: ['ws:', 'wss:'] });
  if (docs !== null) await app.register(pageRoutes, { path: '/docs', files: docs, connects: [] });
  await app.register(startRoute, { docs: docs !== null, console: console !== null });

  const counts = createCounts(metrics);
  const tokens = new TokenVerifier({
    keys,
    logger,
    onVerified: (outcome) => counts.tokenVerifications.inc({ outcome }),
    onJwksFetched: (outcome) => counts.jwksFetches.inc({ outcome }),
  });
  const services: Services = {
    broker,
    bulkBroker,
    bulkReads: new BulkReads(),
    rates: new ClientRates(limits.clientCallsPerSecond),
    redisLoads,
    keys,
    keysFile: options.keysFile,
    tokens,
    clientExpiry,
    edges: new EdgeDirectory(broker),
    counts,
    webhooks: options.webhooks ?? NO_WEBHOOKS,
  };
  for (const routes of [
    clientRoutes,
    clientTopicRoutes,
    pastConnectionRoutes,
    topicRoutes,
    presenceRoutes,
    messageRoutes,
    batchRoutes,
    logRoutes,
    userRoutes,
    userMessageRoutes,
    edgeRoutes,
    capacityRoutes,
    ownKeyRoute,
    keyRoutes,
    webhookRoutes,
    explainRoutes,
  ]) {
    await app.register(routes, services);
  }
  await app.register(pusherRoutes, { services, pathPrefixes: pusherPathPrefixes });
  await app.register(doctorRoutes, {
    services,
    redisFacts: options.redisFacts,
    settings: { ...options.settings, version, trustsProxies: trustedProxies.length > 0 },
  });
  return app;
}

/** Fastify logs warnings and errors only: calls and listening are logged by this service. */
function quiet(logger: Logger): FastifyBaseLogger {
  return logger.child({}, { level: logger.isLevelEnabled('warn') ? 'warn' : logger.level });
}
