import {
  batchEventsRequest,
  batchEventsResponse,
  eventRequest,
  eventResponse,
  signedQuery,
} from '@holdfast/protocol/pusher-rest';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { answers } from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { SIGNED_BODY_CODES, appPath, security, tags } from './calls.ts';
import { countChannels } from './channel-counts.ts';
import { publishEvents, requireSize } from './published-events.ts';
import { appOf } from './signed-requests.ts';

/** The largest data that an app may allow, each byte of it escaped (six), and a hundred names of channels. */
const MAX_EVENT_BODY = 448 * 1024;
/** Ten of the largest data, each byte of it escaped by another. */
const MAX_BATCH_BODY = 1536 * 1024;

/** Publishing to channels. */
export const eventRoutes: FastifyPluginAsyncZod<Services> = async (app, { broker, counts }) => {
  app.post(
    '/apps/:appId/events',
    {
      bodyLimit: MAX_EVENT_BODY,
      schema: {
        operationId: 'triggerEvent',
        summary: 'Publish an event to channels',
        description: 'To one (`channel`) or several (`channels`); to several, each is published to by itself.',
        tags,
        security,
        params: appPath,
        querystring: signedQuery,
        body: eventRequest,
        response: answers({ 200: eventResponse.describe('Published') }, SIGNED_BODY_CODES),
      },
    },
    async (request) => {
      const pusher = appOf(request);
      const { name, data, channel, channels, socket_id: socketId = null, info } = request.body;
      requireSize(pusher, data, 'body.data');
      const all = [...new Set(channels ?? (channel == null ? [] : [channel]))];
      await publishEvents(
        broker,
        pusher,
        all.map((each) => ({ name, channel: each, data, socketId })),
      );
      counts.publishes.inc({ outcome: 'published' }, all.length);
      if (info == null || info.size === 0) return {};
      const counted = await countChannels(broker, pusher.appId, all, info);
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
        description: 'All of them, or none when one is wrong. Those of the same channel keep their order.',
        tags,
        security,
        params: appPath,
        querystring: signedQuery,
        body: batchEventsRequest,
        response: answers({ 200: batchEventsResponse.describe('Published') }, SIGNED_BODY_CODES),
      },
    },
    async (request) => {
      const pusher = appOf(request);
      const { batch } = request.body;
      for (const [index, { data }] of batch.entries()) requireSize(pusher, data, `body.batch[${index}].data`);
      await publishEvents(
        broker,
        pusher,
        batch.map(({ name, channel, data, socket_id: socketId = null }) => ({ name, channel, data, socketId })),
      );
      counts.publishes.inc({ outcome: 'published' }, batch.length);
      if (batch.every(({ info }) => info == null || info.size === 0)) return {};
      const counted = await Promise.all(
        batch.map(({ channel, info }) => countChannels(broker, pusher.appId, [channel], info ?? new Set())),
      );
      return { batch: counted.map(([first = {}]) => first) };
    },
  );
};
