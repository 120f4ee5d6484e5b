import { type DownFrame, downFrame } from '@holdfast/protocol/down';

/** A frame from an edge; of a message also the payload's text, byte for byte as the edge sent it. */
export type ReadFrame = { ok: true; frame: DownFrame; payloadText: string } | { ok: false };

const DATA_MEMBER = ',"data":';

/** Reads a text frame. Never throws. */
export function readDownText(text: string): ReadFrame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false };
  }
  const parsed = downFrame.safeParse(value);
  if (!parsed.success) return { ok: false };
  // Of the frame as it came: what the schema gives has no member `__proto__`.
  const payloadText = parsed.data.type === 'message' ? payloadTextOf(text, (value as { data: unknown }).data) : '';
  return { ok: true, frame: parsed.data, payloadText };
}

/**
 * `data` comes last, after names and numbers that cannot contain its member's name, so that its text can be cut out. An
 * edge that orders the members in another way is within its rights; its payload is then printed again.
 */
function payloadTextOf(text: string, data: unknown): string {
  const printed = JSON.stringify(data);
  const at = text.indexOf(DATA_MEMBER);
  if (at === -1) return printed;
  const cut = text.slice(at + DATA_MEMBER.length, -1);
  try {
    return JSON.stringify(JSON.parse(cut)) === printed ? cut : printed;
  } catch {
    return printed;
  }
}
