import {
  webhookEnableResponse,
  webhookReplayRequest,
  webhookReplayResponse,
  webhookTestResponse,
  webhooksResponse,
} from '@holdfast/protocol/rest/webhooks';
import { webhookId } from '@holdfast/protocol/webhooks-file';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { keyOf, needsKey } from '../auth/authorization.ts';
import { ProblemError } from '../http/problem-error.ts';
import { REPLAY_EVERY_MS } from './delivering.ts';
import { BODY_CODES, KEY_CODES, answers, keyed } from '../openapi/schemas.ts';
import type { Services } from '../services.ts';

const tags = ['operations'];
const params = z.object({ webhook: webhookId });
const MS_PER_SECOND = 1_000;
/** What is shown of an answer: enough to see what the receiver made of it. */
const MAX_SHOWN = 2_000;

/** Looking after the endpoints of webhooks. */
export const webhookRoutes: FastifyPluginAsyncZod<Services> = async (app, { webhooks, keys }) => {
  const onRequest = needsKey(keys, 'manage');
  const replayedAt = new Map<string, number>();

  /** @throws {ProblemError} too-many-calls */
  function requireRest(webhook: string): void {
    const waitMs = (replayedAt.get(webhook) ?? -Infinity) + REPLAY_EVERY_MS - performance.now();
    if (waitMs <= 0) return;
    throw new ProblemError('too-many-calls', {
      detail: `Events are sent to "${webhook}" again once in ${REPLAY_EVERY_MS / MS_PER_SECOND} s at most`,
      retryAfterSeconds: Math.ceil(waitMs / MS_PER_SECOND),
    });
  }

  app.get(
    '/v1/webhooks',
    {
      onRequest,
      schema: {
        operationId: 'listWebhooks',
        summary: 'List the endpoints of webhooks, and how far each is',
        tags,
        security: keyed,
        response: answers({ 200: webhooksResponse.describe('Those of the file, in its order') }, KEY_CODES),
      },
    },
    async (request) => {
      const list = await webhooks.list();
      if (managesAll(request)) return { webhooks: list };
      return { webhooks: list.map((webhook) => ({ ...webhook, url: new URL(webhook.url).origin })) };
    },
  );

  app.post(
    '/v1/webhooks/:webhook/test',
    {
      onRequest,
      config: { audit: 'test-webhook' },
      schema: {
        operationId: 'testWebhook',
        summary: 'Send an event of the type webhook.test to an endpoint',
        description:
          'Once, also when the endpoint is disabled. Answers with what the endpoint answered, after 15 s at most; its text is shown to keys that manage `**`.',
        tags,
        security: keyed,
        params,
        response: answers({ 200: webhookTestResponse.describe('What became of it') }, [
          ...KEY_CODES,
          ...BODY_CODES,
          'webhook-not-found',
        ]),
      },
    },
    async (request) => {
      const result = await webhooks.test(request.params.webhook);
      if (result === null) throw notFound(request.params.webhook);
      const { id, outcome, status, body, message, ms } = result;
      return {
        id,
        outcome,
        status,
        body: managesAll(request) ? (body?.slice(0, MAX_SHOWN) ?? null) : null,
        message: status === null ? message : null,
        ms,
      };
    },
  );

  app.post(
    '/v1/webhooks/:webhook/replay',
    {
      onRequest,
      config: { audit: 'replay-webhook' },
      schema: {
        operationId: 'replayWebhook',
        summary: 'Send events to an endpoint again',
        description:
          'All from a time on, as far back as they are kept: a day, unless there are more than a million. A single event ' +
          'has the id that it had before; batches are put together anew. Once in 10 s at most.',
        tags,
        security: keyed,
        params,
        body: webhookReplayRequest,
        response: answers({ 202: webhookReplayResponse.describe('It begins within seconds') }, [
          ...KEY_CODES,
          ...BODY_CODES,
          'webhook-not-found',
          'too-many-calls',
        ]),
      },
    },
    async (request, reply) => {
      const { webhook } = request.params;
      const since = Date.parse(request.body.since);
      requireRest(webhook);
      if (!(await webhooks.replay(webhook, since))) throw notFound(webhook);
      replayedAt.set(webhook, performance.now());
      return reply.code(202).send({ id: webhook, since: new Date(since).toISOString() });
    },
  );

  app.post(
    '/v1/webhooks/:webhook/enable',
    {
      onRequest,
      config: { audit: 'enable-webhook' },
      schema: {
        operationId: 'enableWebhook',
        summary: 'Send to a disabled endpoint again',
        description: 'It goes on where it was; what waits for another try, or for a Retry-After, is tried at once.',
        tags,
        security: keyed,
        params,
        response: answers({ 202: webhookEnableResponse.describe('It begins within seconds') }, [
          ...KEY_CODES,
          ...BODY_CODES,
          'webhook-not-found',
        ]),
      },
    },
    async (request, reply) => {
      const { webhook } = request.params;
      if (!(await webhooks.enable(webhook))) throw notFound(webhook);
      return reply.code(202).send({ id: webhook });
    },
  );
};

/** Others look after endpoints as well, and learn nothing of the backend behind them. */
function managesAll(request: FastifyRequest): boolean {
  return keyOf(request).can.manage.includes('**');
}

function notFound(id: string): ProblemError {
  return new ProblemError('webhook-not-found', { detail: `There is no endpoint "${id}" in WEBHOOKS_FILE` });
}
