import { MAX_CLIENT_FRAME_BYTES } from '@holdfast/protocol/limits';
import type { Resume } from '@holdfast/protocol/messages/resume';
import type { Positions } from './position-book.ts';

/**
 * The frame that asks for what was missed. An edge closes a connection whose frame is too large for good, and a thousand
 * topics with long names are: those past the limit are left out, come back as not recovered, and are told as lost.
 */
export function resumeFrame(positions: Positions): Resume {
  const frame: Resume = { type: 'resume', positions };
  if (JSON.stringify(frame).length <= MAX_CLIENT_FRAME_BYTES) return frame;
  let room = MAX_CLIENT_FRAME_BYTES - JSON.stringify({ ...frame, positions: {} }).length;
  const fitting = Object.entries(positions).filter(([topic, position]) => {
    room -= JSON.stringify({ [topic]: position }).length;
    return room >= 0;
  });
  return { ...frame, positions: Object.fromEntries(fitting) };
}
