import { z } from 'zod';
import { presenceMember } from '../down.ts';
import { MAX_TOPICS } from '../limits.ts';
import { topicName } from '../topic-name.ts';

/** A page of who is present on a topic, in no order that means anything. */
export const presenceResponse = z.object({
  count: z.int().describe('All that are present'),
  members: z.array(presenceMember).describe('Empty for a topic that shows only their number'),
  version: z.int(),
  cursor: z.string().nullable(),
});

export const presenceCountRequest = z.strictObject({ topics: z.array(topicName).min(1).max(MAX_TOPICS) });

export const presenceCountResponse = z.object({
  counts: z.record(topicName, z.int()).describe('By topic; those without presence are not in it'),
});
