import { z } from 'zod';
import { position } from '../positions.ts';
import { deliveredTopic } from '../topic-name.ts';

/** From here on the connection receives the topic: everything after `position`. */
export const subscribed = z.object({ type: z.literal('subscribed'), topic: deliveredTopic, position });

export type Subscribed = z.output<typeof subscribed>;
