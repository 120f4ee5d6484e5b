import { doctorResponse } from '@holdfast/protocol/rest/doctor';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { keyOf, needsKey } from '../auth/authorization.ts';
import { ProblemError } from '../http/problem-error.ts';
import { isGone } from '../limits/call-limits.ts';
import { KEY_CODES, answers, keyed } from '../openapi/schemas.ts';
import { allChecks } from './checks/all.ts';
import { reportOf } from './finding.ts';
import { type DoctorSources, gatherFacts } from './gather.ts';

/** Two heartbeats of the longest usual kind. Callers, and balancers before this API, have to wait for so long. */
const MAX_WAIT_SECONDS = 300;

const doctorQuery = z.strictObject({
  wait: z
    .custom<string>(
      (text) => typeof text === 'string' && /^\d{1,3}$/.test(text) && Number(text) <= MAX_WAIT_SECONDS,
      `must be a whole number of seconds from 0 to ${MAX_WAIT_SECONDS}`,
    )
    .transform(Number)
    .prefault('0')
    .meta({
      description:
        'Seconds for which a connection through each URL is held open and left alone, to see whether a balancer ends ' +
        'it; needs the right to register, for it takes a client of that time. 0: this is not measured',
      type: 'integer',
      minimum: 0,
      maximum: MAX_WAIT_SECONDS,
      default: 0,
    }),
});

/** Looking for what is set wrong. */
export const doctorRoutes: FastifyPluginAsyncZod<DoctorSources> = async (app, sources) => {
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());
  /** When the measurement that is under way ends at the latest, in milliseconds of `performance.now()`; null: there is none. */
  let measuringUntil: number | null = null;

  /** @throws {ProblemError} too-many-calls */
  function beginMeasurement(ms: number): void {
    const now = performance.now();
    if (measuringUntil !== null) {
      throw new ProblemError('too-many-calls', {
        detail: 'A measurement with "wait" is under way: there is one at a time',
        retryAfterSeconds: Math.max(1, Math.ceil((measuringUntil - now) / 1000)),
      });
    }
    measuringUntil = now + ms;
  }

  app.get(
    '/v1/doctor',
    {
      onRequest: needsKey(sources.services.keys, 'manage'),
      schema: {
        operationId: 'examine',
        summary: 'Look for what is set wrong, and say what to do',
        description:
          'Looks at Redis, at the edges and their machines, at the clocks, and at the way from here through each URL that ' +
          'edges advertise. What could not be asked is a warning that says so. With `wait` one call at a time of each ' +
          'control-api: another one gets 429 `too-many-calls`.',
        tags: ['operations'],
        security: keyed,
        querystring: doctorQuery,
        response: answers({ 200: doctorResponse.describe('All checks') }, KEY_CODES),
      },
    },
    async (request, reply) => {
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      if (isGone(reply)) gone.abort();
      const holdMs = request.query.wait * 1000;
      const examination = {
        key: keyOf(request),
        holdMs,
        forwarded: request.headers['x-forwarded-for'] !== undefined,
        signal: AbortSignal.any([closing.signal, gone.signal]),
      };
      if (holdMs === 0) return reportOf(allChecks(await gatherFacts(sources, examination)));
      beginMeasurement(holdMs);
      try {
        // It only waits, and counts for no key from here on: therefore there is one at a time.
        request.leaveTurn();
        return reportOf(allChecks(await gatherFacts(sources, examination)));
      } finally {
        measuringUntil = null;
      }
    },
  );
};
