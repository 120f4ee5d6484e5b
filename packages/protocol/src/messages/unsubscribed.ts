import { z } from 'zod';
import { deliveredTopic } from '../topic-name.ts';

export const unsubscribeReason = z.enum(['requested', 'topic-deleted']);

/** Nothing more of the topic follows. */
export const unsubscribed = z.object({
  type: z.literal('unsubscribed'),
  topic: deliveredTopic,
  reason: unsubscribeReason,
});

export type Unsubscribed = z.output<typeof unsubscribed>;
export type UnsubscribeReason = z.output<typeof unsubscribeReason>;
