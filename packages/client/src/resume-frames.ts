import { MAX_CLIENT_FRAME_BYTES, MAX_RESUME_POSITIONS } from '@holdfast/protocol/limits';
import type { Resume } from '@holdfast/protocol/messages/resume';
import type { Positions } from './position-book.ts';

/** Not from the protocol's topic-name.ts: that brings zod into a page's bundle. */
const OWN_TOPIC = '@me';
/** What a frame of each kind has besides its positions. The longer of the two, for all. */
const ENVELOPE_BYTES = '{"type":"resume","positions":{},"more":true}'.length;
const utf8 = new TextEncoder();

/**
 * The frames that ask for what was missed: the client's own topic first, as many frames as the positions need. Never
 * more positions than an edge takes, which are more than a client can have topics: an edge closes for good what asks
 * for more, while a topic that is left out only comes back as not recovered, and is reported as lost.
 */
export function resumeFrames(positions: Positions): Resume[] {
  const entries = Object.entries(positions);
  const own = entries.filter(([topic]) => topic === OWN_TOPIC);
  const ownFirst = [...own, ...entries.filter(([topic]) => topic !== OWN_TOPIC)];
  const chunks: [string, string][][] = [];
  let room = 0;
  for (const entry of ownFirst.slice(0, MAX_RESUME_POSITIONS)) {
    const bytes = utf8.encode(`${JSON.stringify(entry[0])}:"${entry[1]}",`).byteLength;
    if (chunks.length === 0 || bytes > room) {
      chunks.push([]);
      room = MAX_CLIENT_FRAME_BYTES - ENVELOPE_BYTES;
    }
    chunks.at(-1)?.push(entry);
    room -= bytes;
  }
  if (chunks.length === 0) chunks.push([]);
  return chunks.map((chunk, index) => ({
    type: 'resume',
    positions: Object.fromEntries(chunk),
    ...(index < chunks.length - 1 && { more: true }),
  }));
}
