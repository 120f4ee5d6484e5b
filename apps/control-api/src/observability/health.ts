import type { ControlBroker } from '@holdfast/broker/broker';
import { type AdminOptions, type AdminServer, openAdminServer } from '@holdfast/service/admin-server';
import { repeat } from '@holdfast/service/backoff';
import type { Health } from '@holdfast/service/health';
import { answerHealth } from '@holdfast/service/health';
import { ThrottledMetrics } from '@holdfast/service/throttled-metrics';
import type { Logger } from '@holdfast/service/logger';
import type { Metrics } from '@holdfast/service/metrics';
import type { RedisLink } from '@holdfast/redis/commands';
import { WriteHealth } from '@holdfast/redis/write-health';
import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import type { Config } from '../config.ts';
import { open } from '../openapi/schemas.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Polled by machines: exempt from all limits. */
    probe?: boolean;
  }
}

const alive = z.object({ status: z.literal('ok') }).describe('It does');
const readiness = z.object({ status: z.enum(['ready', 'not-ready']), checks: z.record(z.string(), z.string()) });
const readinessAnswers = {
  200: readiness.describe('It should'),
  503: readiness.describe('It should not; each check is "ok" or the reason'),
};
const metricsText = { description: 'The metrics', content: { 'text/plain': { schema: z.string() } } };

/** Untyped: their answers are text. */
const PROBES: { path: string; operationId: string; summary: string; response: object }[] = [
  { path: '/healthz', operationId: 'isAlive', summary: 'Whether the process lives', response: { 200: alive } },
  {
    path: '/readyz',
    operationId: 'isReady',
    summary: 'Whether it should be sent calls: Redis answers, and it is not shutting down',
    response: readinessAnswers,
  },
  { path: '/metrics', operationId: 'readMetrics', summary: 'Metrics for Prometheus', response: { 200: metricsText } },
];

interface HealthOptions {
  health: Health;
  metrics: Metrics;
  servesMetrics: boolean;
}

/** /healthz, /readyz and, unless it has a port of its own, /metrics. */
export const healthRoutes: FastifyPluginAsync<HealthOptions> = async (app, options) => {
  const metrics = new ThrottledMetrics(options.metrics);
  for (const { path, ...docs } of PROBES) {
    if (path === '/metrics' && !options.servesMetrics) continue;
    const schema = { ...docs, tags: ['operations'], security: open };
    app.get(path, { schema, config: { probe: true } }, async (_request, reply) => {
      const answer = await answerHealth(path, options.health, metrics);
      if (answer === null) throw new Error(`${path} is none of the health endpoints`);
      return reply.code(answer.status).type(answer.contentType).send(answer.body);
    });
  }
};

/** The answer is never older than this, however often a load balancer polls. */
const CHECK_MS = 1_000;

/**
 * Keeps the health check "redis": not ready until Redis has taken a write, and whenever it took none at the last check. A
 * Redis that only answers is not enough: registrations and publishes are writes.
 * @returns the stop
 */
export function checkRedis(
  broker: ControlBroker,
  link: Pick<RedisLink, 'fault'>,
  health: Health,
  logger: Logger,
): () => void {
  // The connection has logged why Redis refuses them.
  const writes = new WriteHealth((fields) => logger.info(fields, 'redis takes writes again'));
  // A fault of the connection explains more than a failed call.
  health.check('redis', () => (writes.refused ? writes.fault : (link.fault() ?? writes.fault)));
  const check = async (): Promise<void> => {
    await broker.tryWrites();
    writes.worked();
  };
  const onError = (error: unknown): void => writes.failed(error);
  check().catch(onError);
  return repeat(check, { intervalMs: CHECK_MS, onError });
}

/** Opens the port for health and metrics; null when none is configured. */
export async function openAdmin(
  { CONTROL_HOST: host, CONTROL_ADMIN_PORT: port }: Config,
  parts: Pick<AdminOptions, 'health' | 'metrics'>,
): Promise<AdminServer | null> {
  return port === undefined ? null : openAdminServer({ host, port, ...parts });
}
