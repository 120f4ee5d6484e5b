import type { PresencePage } from '@holdfast/broker/broker';
import { MAX_PAGE, MAX_PAGE_BYTES } from '@holdfast/protocol/limits';
import { channelKind, channelName, channelTopic } from '@holdfast/protocol/pusher-channels';
import {
  channelQuery,
  channelResponse,
  channelsQuery,
  channelsResponse,
  connectionsResponse,
  signedQuery,
  usersResponse,
} from '@holdfast/protocol/pusher-rest';
import type { FastifyReply } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { ProblemError } from '../http/problem-error.ts';
import { isGone } from '../limits/call-limits.ts';
import { answers } from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { SIGNED_CODES, appPath, security, tags } from './calls.ts';
import { type ChannelCounter, countOf } from './channel-counts.ts';
import { dataOf } from './published-events.ts';
import { appOf } from './signed-requests.ts';

const MS_PER_SECOND = 1000;
/** Channels of one list. Clients make them with the public key alone. */
const MAX_LISTED = 10_000;
/** Channels of one list whose subscriptions are counted: each is a question to the edges. */
const MAX_SURVEYED = 1000;
/** Bytes of a channel in the answer, beside its name. */
const COUNTED_BYTES = Buffer.byteLength('"":{"subscription_count":1000000},');

const channelPath = appPath.extend({ channel: channelName });

/** Looking at channels. */
export const channelRoutes: FastifyPluginAsyncZod<Services & { counter: ChannelCounter }> = async (app, services) => {
  const { broker, bulkBroker, bulkReads, counter } = services;

  app.get(
    '/apps/:appId/channels',
    {
      schema: {
        operationId: 'listChannels',
        summary: 'List the channels that have subscribers',
        description:
          'Without the channels of users. `user_count` is there for presence channels only. ' +
          `At most ${MAX_LISTED} channels, and ${MAX_SURVEYED} with \`subscription_count\`: where there are more, ` +
          '`filter_by_prefix` makes them fewer.',
        tags,
        security,
        params: appPath,
        querystring: channelsQuery,
        response: answers({ 200: channelsResponse.describe('The channels, by name') }, SIGNED_CODES),
      },
    },
    async (request, reply) => {
      const { appId } = appOf(request);
      const { filter_by_prefix: prefix, info = new Set<never>() } = request.query;
      request.holdBytes(MAX_PAGE_BYTES);
      const gone = () => isGone(reply);
      const read = <T>(page: () => Promise<T>) => bulkReads.run(request.caller, gone, page);
      const channels = await read(() => bulkBroker.listChannels(appId, prefix, MAX_LISTED));
      if (channels === null) throw tooMany('filter_by_prefix', `must leave at most ${MAX_LISTED} channels`);
      const bytes = channels.reduce((sum, channel) => sum + channel.length + COUNTED_BYTES, 0);
      if (bytes > MAX_PAGE_BYTES) request.holdBytes(bytes - MAX_PAGE_BYTES);
      if (info.has('subscription_count')) requireFewSurveys(channels);
      const asked = channels.map((channel) => ({ channel, info }));
      const countPresent = (rooms: readonly string[]) => read(() => bulkBroker.countPresent(rooms));
      const counted = await counter.count(appId, asked, { countPresent, isGone: gone });
      return { channels: Object.fromEntries(channels.map((channel, index) => [channel, counted[index] ?? {}])) };
    },
  );

  app.get(
    '/apps/:appId/channels/:channel',
    {
      schema: {
        operationId: 'readChannel',
        summary: 'Look at a channel',
        description: 'A channel that was never used is one without subscribers. Of `info` it has what is of its kind.',
        tags,
        security,
        params: channelPath,
        querystring: channelQuery,
        response: answers({ 200: channelResponse.describe('The channel') }, SIGNED_CODES),
      },
    },
    async (request, reply) => {
      const { appId } = appOf(request);
      const { channel } = request.params;
      const { info = new Set<never>() } = request.query;
      const [[state], [counted = {}]] = await Promise.all([
        broker.readChannels([channelTopic(appId, channel)]),
        counter.count(appId, [{ channel, info }], {
          countPresent: (topics) => broker.countPresent(topics),
          isGone: () => isGone(reply),
        }),
      ]);
      const cached = state?.cached ?? null;
      return {
        occupied: state?.occupied ?? false,
        ...counted,
        ...(info.has('cache') && channelKind(channel).cache
          ? { cache: cached && { data: dataOf(cached.frame), ttl: Math.ceil(cached.ttlMs / MS_PER_SECOND) } }
          : {}),
      };
    },
  );

  app.get(
    '/apps/:appId/channels/:channel/users',
    {
      schema: {
        operationId: 'listChannelUsers',
        summary: 'List the users on a presence channel',
        tags,
        security,
        params: channelPath,
        querystring: signedQuery,
        response: answers({ 200: usersResponse.describe('The users, each once') }, SIGNED_CODES),
      },
    },
    async (request, reply) => {
      const { appId } = appOf(request);
      const { channel } = request.params;
      if (channelKind(channel).access !== 'presence') {
        const errors = [{ field: 'path.channel', rule: 'must be a presence channel' }];
        throw new ProblemError('invalid-request', { errors });
      }
      request.holdBytes(MAX_PAGE_BYTES);
      const users: { id: string }[] = [];
      for (let cursor: string | null = null, atEnd = false; !atEnd;) {
        const page = await readUsers(request.caller, reply, channelTopic(appId, channel), cursor);
        for (const { id } of page?.members ?? []) users.push({ id });
        cursor = page?.cursor ?? null;
        atEnd = cursor === null;
      }
      return { users };
    },
  );

  app.get(
    '/apps/:appId/connections',
    {
      schema: {
        operationId: 'countConnections',
        summary: 'Count the connections of an app',
        tags,
        security,
        params: appPath,
        querystring: signedQuery,
        response: answers({ 200: connectionsResponse.describe('As edges reported it last') }, SIGNED_CODES),
      },
    },
    async ({ params: { appId } }) => {
      const edges = await broker.liveEdges();
      const counts = edges.map(({ appConnections = {} }) => new Map(Object.entries(appConnections)).get(appId) ?? 0);
      return { connections: counts.reduce((sum, count) => sum + count, 0) };
    },
  );

  /** Null for a channel that is not there. */
  async function readUsers(
    caller: string,
    reply: FastifyReply,
    topic: string,
    cursor: string | null,
  ): Promise<PresencePage | null> {
    return bulkReads.run(
      caller,
      () => isGone(reply),
      () => bulkBroker.readPresence(topic, cursor, MAX_PAGE),
    );
  }
};

function tooMany(parameter: string, rule: string): ProblemError {
  return new ProblemError('invalid-request', { errors: [{ field: `query.${parameter}`, rule }] });
}

/** @throws {ProblemError} invalid-request */
function requireFewSurveys(channels: readonly string[]): void {
  const { length } = channels.filter((channel) => countOf(channel) === 'subscription_count');
  if (length <= MAX_SURVEYED) return;
  throw tooMany('info', `may have subscription_count for at most ${MAX_SURVEYED} channels: these are ${length}`);
}
