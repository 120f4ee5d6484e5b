import { z } from 'zod';
import { lost } from './messages/lost.ts';
import { message } from './messages/message.ts';
import { pong } from './messages/pong.ts';
import { subscribed } from './messages/subscribed.ts';
import { unsubscribed } from './messages/unsubscribed.ts';
import { welcome } from './messages/welcome.ts';

/** Every frame from an edge to a client. */
export const downFrame = z.discriminatedUnion('type', [welcome, message, subscribed, unsubscribed, lost, pong]);

export type DownFrame = z.output<typeof downFrame>;
