import { doctorResponse } from '@holdfast/protocol/rest/doctor';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { keyOf, needsKey } from '../auth/authorization.ts';
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

  app.get(
    '/v1/doctor',
    {
      onRequest: needsKey(sources.services.keys, 'manage'),
      schema: {
        operationId: 'examine',
        summary: 'Look for what is set wrong, and say what to do',
        description:
          'Looks at Redis, at the edges and their machines, at the clocks, and at the way from here through each URL that ' +
          'edges advertise. What could not be asked is a warning that says so.',
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
      // It only waits.
      if (holdMs > 0) request.leaveTurn();
      const facts = await gatherFacts(sources, {
        key: keyOf(request),
        holdMs,
        forwarded: request.headers['x-forwarded-for'] !== undefined,
        signal: AbortSignal.any([closing.signal, gone.signal]),
      });
      return reportOf(allChecks(facts));
    },
  );
};
