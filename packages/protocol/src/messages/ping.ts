import { z } from 'zod';

/** Asks for a `pong`. */
export const ping = z.strictObject({ type: z.literal('ping') });

export type Ping = z.output<typeof ping>;
