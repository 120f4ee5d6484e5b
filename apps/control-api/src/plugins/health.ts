import type { Health } from '@holdfast/service/health';
import { answerHealth } from '@holdfast/service/http-health';
import type { Metrics } from '@holdfast/service/metrics';
import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import { open } from '../openapi/security.ts';

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

/** /healthz, /readyz and /metrics. */
export const healthRoutes: FastifyPluginAsync<{ health: Health; metrics: Metrics }> = async (app, options) => {
  for (const { path, ...docs } of PROBES) {
    const schema = { ...docs, tags: ['operations'], security: open };
    app.get(path, { schema }, async (_request, reply) => {
      const answer = await answerHealth(path, options.health, options.metrics);
      if (answer === null) throw new Error(`${path} is none of the health endpoints`);
      return reply.code(answer.status).type(answer.contentType).send(answer.body);
    });
  }
};
