import { z } from 'zod';
import { ping } from './messages/ping.ts';
import { resume } from './messages/resume.ts';

/** Every frame from a client to an edge. */
export const upFrame = z.discriminatedUnion('type', [ping, resume]);

export type UpFrame = z.output<typeof upFrame>;

export type Decoded<T> = { ok: true; frame: T } | { ok: false; why: string };

/** Decodes a text frame from a client. Never throws: whatever is wrong is said in `why`. */
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
