import { z } from 'zod';
import { DEFAULT_PRESENCE, MAX_GRACE_SECONDS, MAX_HISTORY, MAX_PRESENCE_LIMIT } from '../limits.ts';
import { position } from '../positions.ts';
import { topicName } from '../topic-name.ts';

export const history = z.object({ size: z.int(), seconds: z.int() });

export const historySettings = z.strictObject({
  size: z.int().min(0).max(MAX_HISTORY.size).optional().describe('Messages kept'),
  seconds: z.int().min(1).max(MAX_HISTORY.seconds).optional().describe('Seconds a message is kept'),
});

/** When a topic ends by itself. */
const expireSeconds = z
  .int()
  .min(1)
  .max(MAX_HISTORY.seconds)
  .describe('Deleted when for so long nothing was published and no client was connected to it');

/** Who counts as present on a topic, and what is shown of it. */
export const presenceSettings = z.strictObject({
  by: z.enum(['user', 'client']).default(DEFAULT_PRESENCE.by).describe('What a member is'),
  show: z.enum(['members', 'count']).default(DEFAULT_PRESENCE.show).describe('Who is there, or only how many'),
  limit: z
    .int()
    .min(1)
    .max(MAX_PRESENCE_LIMIT)
    .default(DEFAULT_PRESENCE.limit)
    .describe('With more members only their number is sent'),
  graceSeconds: z
    .int()
    .min(0)
    .max(MAX_GRACE_SECONDS)
    .default(DEFAULT_PRESENCE.graceSeconds)
    .describe('Who is back within so many seconds had not left'),
});

export type PresenceSettings = z.output<typeof presenceSettings>;

/** What a key's topics are made with when they are first used. */
export const topicDefaults = z.strictObject({
  history: historySettings.optional(),
  expireSeconds: expireSeconds.nullable().optional(),
  presence: presenceSettings.nullable().optional(),
});

export type TopicDefaults = z.output<typeof topicDefaults>;

export const putTopicRequest = z
  .strictObject({
    history: historySettings.optional(),
    expireSeconds: expireSeconds.nullable().optional(),
    presence: presenceSettings.nullable().optional(),
  })
  .nullish();

export const topicResponse = z.object({
  topic: topicName,
  history,
  position,
  expireSeconds: z.int().nullable().describe('null: it stays until it is deleted'),
  presence: presenceSettings.required().nullable().describe('null: it has no presence'),
});

export const topicDetailsResponse = topicResponse.extend({
  subscribers: z
    .int()
    .nullable()
    .describe('Connected subscribers on all edges; null when an edge did not say in time, or was not asked'),
  present: z
    .int()
    .nullable()
    .describe('Members that are present, for any API key; null: it has no presence, or the token no right to see it'),
});

export const topicsListResponse = z.object({ topics: z.array(topicResponse), cursor: z.string().nullable() });

export const deleteTopicResponse = z.object({ topic: topicName });
