import { z } from 'zod';
import { position } from './positions.ts';
import { deliveredTopic } from './topic-name.ts';

export const welcomeTopic = z.object({ position, recovered: z.boolean().optional() });

/** The first frame of every connection: what it receives, and from which positions on. `recovered` is set after a resume. */
export const welcome = z.object({
  type: z.literal('welcome'),
  connection: z.string(),
  heartbeatMs: z.int(),
  topics: z.record(deliveredTopic, welcomeTopic),
  expiresInMs: z.int().optional().describe('Of clients of tokens: until their authorization ends'),
});

export type Welcome = z.output<typeof welcome>;
export type WelcomeTopic = z.output<typeof welcomeTopic>;

/** What was published, byte for byte, in the order of ids. */
export const message = z.object({
  type: z.literal('message'),
  topic: deliveredTopic,
  id: position,
  data: z.json(),
});

export type Message = z.output<typeof message>;

/** From here on the connection receives the topic: everything after `position`. */
export const subscribed = z.object({ type: z.literal('subscribed'), topic: deliveredTopic, position });

export type Subscribed = z.output<typeof subscribed>;

export const unsubscribeReason = z.enum(['requested', 'topic-deleted']);

/** Nothing more of the topic follows. */
export const unsubscribed = z.object({
  type: z.literal('unsubscribed'),
  topic: deliveredTopic,
  reason: unsubscribeReason,
});

export type Unsubscribed = z.output<typeof unsubscribed>;
export type UnsubscribeReason = z.output<typeof unsubscribeReason>;

/** What came between `after` and `position` is gone from the log; it goes on from `position`. */
export const lost = z.object({ type: z.literal('lost'), topic: deliveredTopic, after: position, position });

export type Lost = z.output<typeof lost>;

/** The answer to a `ping` frame, for clients that cannot see WebSocket pings. */
export const pong = z.object({ type: z.literal('pong') });

export type Pong = z.output<typeof pong>;

/** The authorization of the client ends soon: registering again with a fresh token moves the end. */
export const expiring = z.object({ type: z.literal('expiring'), inMs: z.int() });

export type Expiring = z.output<typeof expiring>;

/** Who is present: a user, or `~` and 16 hexadecimal digits for a client without one. */
export const presenceMember = z.object({ id: z.string(), info: z.unknown() });

export type PresenceMember = z.output<typeof presenceMember>;

/**
 * Who is present on a topic, to connections opened with `?presence=1`. With `members`: everybody, in as many frames as it
 * takes. With `joined` and `left`: what changed since the version before. With neither: only how many there are.
 */
export const presence = z.object({
  type: z.literal('presence'),
  topic: deliveredTopic,
  version: z.int().describe('Rises by one with each change'),
  count: z.int(),
  members: z.array(presenceMember).optional(),
  more: z.boolean().optional().describe('Whether another frame of the same members follows'),
  joined: z.array(presenceMember).optional(),
  left: z.array(z.string()).optional(),
});

export type Presence = z.output<typeof presence>;

/** Every frame from an edge to a client. */
export const downFrame = z.discriminatedUnion('type', [
  welcome,
  message,
  subscribed,
  unsubscribed,
  lost,
  pong,
  expiring,
  presence,
]);

export type DownFrame = z.output<typeof downFrame>;
