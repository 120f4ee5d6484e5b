import { z } from 'zod';
import { position } from './positions.ts';
import { deliveredTopic } from './topic-name.ts';

/** Asks for a `pong`. */
export const ping = z.strictObject({ type: z.literal('ping') });

export type Ping = z.output<typeof ping>;

/** The first frames of a connection opened with `?resume=1`: the last id that the client saw of each topic. */
export const resume = z.strictObject({
  type: z.literal('resume'),
  positions: z.record(deliveredTopic, position),
  more: z.boolean().optional().describe('Whether another resume frame follows: positions that do not fit one frame'),
});

export type Resume = z.output<typeof resume>;

/** Every frame from a client to an edge. */
export const upFrame = z.discriminatedUnion('type', [ping, resume]);

export type UpFrame = z.output<typeof upFrame>;

export type Decoded<T> = { ok: true; frame: T } | { ok: false; why: string };

/** Decodes a text frame from a client. Never throws: `why` names what is wrong. */
export function decodeUpFrame(text: string): Decoded<UpFrame> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, why: 'not JSON' };
  }
  const parsed = upFrame.safeParse(value);
  if (parsed.success) return { ok: true, frame: parsed.data };
  const issue = parsed.error.issues[0];
  return { ok: false, why: `${issue?.path.join('.') || 'frame'}: ${issue?.message ?? 'unknown'}` };
}
