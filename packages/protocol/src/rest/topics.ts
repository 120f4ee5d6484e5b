import { z } from 'zod';
import { MAX_HISTORY } from '../limits.ts';
import { position } from '../positions.ts';
import { topicName } from '../topic-name.ts';

export const history = z.object({ size: z.int(), seconds: z.int() });

export const historySettings = z.strictObject({
  size: z.int().min(0).max(MAX_HISTORY.size).optional().describe('Messages kept'),
  seconds: z.int().min(1).max(MAX_HISTORY.seconds).optional().describe('Seconds a message is kept'),
});

export const putTopicRequest = z.strictObject({ history: historySettings.optional() }).nullish();

export const topicResponse = z.object({ topic: topicName, history, position });

export const topicDetailsResponse = topicResponse.extend({
  subscribers: z.int().nullable().describe('Connected subscribers on all edges; null when an edge did not say in time'),
});

export const topicsListResponse = z.object({ topics: z.array(topicResponse), cursor: z.string().nullable() });

export const deleteTopicResponse = z.object({ topic: topicName });
