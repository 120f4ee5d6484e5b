import { z } from 'zod';

/** The answer to a `ping` frame, for clients that cannot see WebSocket pings. */
export const pong = z.object({ type: z.literal('pong') });

export type Pong = z.output<typeof pong>;
