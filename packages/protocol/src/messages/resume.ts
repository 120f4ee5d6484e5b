import { z } from 'zod';
import { position } from '../positions.ts';
import { deliveredTopic } from '../topic-name.ts';

/** The first frames of a connection opened with `?resume=1`: the last id that the client saw of each topic. */
export const resume = z.strictObject({
  type: z.literal('resume'),
  positions: z.record(deliveredTopic, position),
  more: z.boolean().optional().describe('Whether another resume frame follows: positions that do not fit one frame'),
});

export type Resume = z.output<typeof resume>;
