import {
  type ChannelCounts,
  batchEventsRequest,
  batchEventsResponse,
  eventRequest,
  eventResponse,
  signedQuery,
} from '@holdfast/protocol/pusher-rest';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { CallerGone } from '../limits/bulk-reads.ts';
import { isGone } from '../limits/call-limits.ts';
import { answers } from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { SIGNED_BODY_CODES, appPath, security, tags } from './calls.ts';
import type { AskedChannel, ChannelCounter } from './channel-counts.ts';
import { publishEvents, requireSize } from './published-events.ts';
import { appOf } from './signed-requests.ts';

/** The largest data that an app may allow, each byte of it escaped (six), and a hundred names of channels. */
const MAX_EVENT_BODY = 448 * 1024;
/** Ten of the largest data, each byte of it escaped by another. */
const MAX_BATCH_BODY = 1536 * 1024;

/** Publishing to channels. */
export const eventRoutes: FastifyPluginAsyncZod<Services & { counter: ChannelCounter }> = async (app, services) => {
  const { broker, counts, counter } = services;
  const onPublished = () => counts.publishes.inc({ outcome: 'published' });

  app.post(
    '/apps/:appId/events',
    {
      bodyLimit: MAX_EVENT_BODY,
      schema: {
        operationId: 'triggerEvent',
        summary: 'Publish an event to channels',
        description:
          'To one (`channel`) or several (`channels`); to several, each is published to by itself, and a 503 may leave some ' +
          'with it and some without. `info` that cannot be had in time is left out.',
        tags,
        security,
        params: appPath,
        querystring: signedQuery,
        body: eventRequest,
        response: answers({ 200: eventResponse.describe('Published') }, SIGNED_BODY_CODES),
      },
    },
    async (request, reply) => {
      const pusher = appOf(request);
      const { name, data, channel, channels, socket_id: socketId = null, info } = request.body;
      requireSize(pusher, data, 'body.data');
      const all = [...new Set(channels ?? (channel == null ? [] : [channel]))];
      await publishEvents(
        broker,
        pusher,
        all.map((each) => ({ name, channel: each, data, socketId })),
        onPublished,
      );
      if (info == null || info.size === 0) return {};
      const asked = all.map((each) => ({ channel: each, info }));
      const counted = await countPublished(pusher.appId, asked, request, reply);
      return { channels: Object.fromEntries(all.map((each, index) => [each, counted[index] ?? {}])) };
    },
  );

  app.post(
    '/apps/:appId/batch_events',
    {
      bodyLimit: MAX_BATCH_BODY,
      schema: {
        operationId: 'triggerEvents',
        summary: 'Publish several events',
        description:
          'None when one of them is wrong: all are checked before the first is published. Those of the same channel keep ' +
          'their order. After a 503 some may have been published.',
        tags,
        security,
        params: appPath,
        querystring: signedQuery,
        body: batchEventsRequest,
        response: answers({ 200: batchEventsResponse.describe('Published') }, SIGNED_BODY_CODES),
      },
    },
    async (request, reply) => {
      const pusher = appOf(request);
      const { batch } = request.body;
      for (const [index, { data }] of batch.entries()) requireSize(pusher, data, `body.batch[${index}].data`);
      await publishEvents(
        broker,
        pusher,
        batch.map(({ name, channel, data, socket_id: socketId = null }) => ({ name, channel, data, socketId })),
        onPublished,
      );
      if (batch.every(({ info }) => info == null || info.size === 0)) return {};
      const asked = batch.map(({ channel, info }) => ({ channel, info: info ?? new Set<never>() }));
      return { batch: await countPublished(pusher.appId, asked, request, reply) };
    },
  );

  /** A failure is no failure of the call: whoever repeats it publishes twice. */
  async function countPublished(
    appId: string,
    asked: readonly AskedChannel[],
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<ChannelCounts[]> {
    try {
      return await counter.count(appId, asked, {
        countPresent: (topics) => broker.countPresent(topics),
        isGone: () => isGone(reply),
        // Edges may be waited for: other calls of the app go on meanwhile.
        beforeSurveys: request.leaveTurn,
      });
    } catch (error) {
      if (!(error instanceof RedisUnavailable || error instanceof CallerGone)) throw error;
      return asked.map(() => ({}));
    }
  }
};
