import { z } from 'zod';
import { position } from '../positions.ts';
import { deliveredTopic } from '../topic-name.ts';

export const welcomeTopic = z.object({ position, recovered: z.boolean().optional() });

/** The first frame of every connection: what it receives, and from where on. `recovered` stands there after a resume. */
export const welcome = z.object({
  type: z.literal('welcome'),
  connection: z.string(),
  heartbeatMs: z.int(),
  topics: z.record(deliveredTopic, welcomeTopic),
});

export type Welcome = z.output<typeof welcome>;
export type WelcomeTopic = z.output<typeof welcomeTopic>;
