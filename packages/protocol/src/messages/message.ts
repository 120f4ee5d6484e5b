import { z } from 'zod';
import { position } from '../positions.ts';
import { deliveredTopic } from '../topic-name.ts';

/** What was published, byte for byte, in the order of ids. */
export const message = z.object({
  type: z.literal('message'),
  topic: deliveredTopic,
  id: position,
  data: z.json(),
});

export type Message = z.output<typeof message>;
