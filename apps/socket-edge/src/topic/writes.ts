import type { Position } from '@holdfast/protocol/position-order';
import type { SentMessage } from './replay-buffer.ts';

/** Messages that leave as one write. */
export interface Write {
  frames: Buffer;
  messages: number;
  /** The id of the last of them. */
  last: Position;
}

/** The messages from an index on that go out as one write: as many as have room in `maxBytes`, and at least one. Null at the end. */
export function writeOf(messages: readonly SentMessage[], from: number, maxBytes: number): Write | null {
  const frames: Buffer[] = [];
  let bytes = 0;
  let last: Position | null = null;
  for (let index = from; index < messages.length; index += 1) {
    const message = messages[index];
    if (message === undefined || (last !== null && bytes + message.frame.length > maxBytes)) break;
    bytes += message.frame.length;
    frames.push(message.frame);
    last = message.id;
  }
  const [first] = frames;
  if (first === undefined || last === null) return null;
  return { frames: frames.length === 1 ? first : Buffer.concat(frames, bytes), messages: frames.length, last };
}
