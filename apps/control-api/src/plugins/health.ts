import { type Health, answerHealth } from '@holdfast/service/health';
import { type Metrics, keptMetrics } from '@holdfast/service/metrics';
import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import { open } from '../openapi/security.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Asked by machines again and again: it takes part in no limit. */
    probe?: boolean;
  }
}

const alive = z.object({ status: z.literal('ok') }).describe('It does');
const readiness = z.object({ status: z.enum(['ready', 'not-ready']), checks: z.record(z.string(), z.string()) });
const readinessAnswers = {
  200: readiness.describe('It should'),
  503: readiness.describe('It should not; each check says "ok" or why not'),
};
const metricsText = { description: 'The metrics', content: { 'text/plain': { schema: z.string() } } };

/** Untyped, as what they answer is text by then. */
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
  const metrics = keptMetrics(options.metrics);
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
