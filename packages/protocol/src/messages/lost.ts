import { z } from 'zod';
import { position } from '../positions.ts';
import { deliveredTopic } from '../topic-name.ts';

/** What came between `after` and `position` is gone from the log; it goes on from `position`. */
export const lost = z.object({ type: z.literal('lost'), topic: deliveredTopic, after: position, position });

export type Lost = z.output<typeof lost>;
