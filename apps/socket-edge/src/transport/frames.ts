import type { DownFrame } from '@holdfast/protocol/down';
import { isChannelTopic } from '@holdfast/protocol/pusher-channels';
import { deliveredName } from '../topic/delivered-name.ts';
import type { Position } from '@holdfast/protocol/position-order';

/** RFC 6455, section 5.2: a whole, unmasked frame begins with FIN and the opcode, then the length in 7, 16 or 64 bits. */
const FIN_TEXT = 0x81;
const FIN_PING = 0x89;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const MAX_7 = 125;
const MAX_16 = 0xffff;

/** A WebSocket ping without a payload. */
export const PING_FRAME = Buffer.from([FIN_PING, 0]);

/** @param payload 125 bytes at most */
export function pingFrame(payload: string): Buffer {
  const bytes = Buffer.from(payload);
  return Buffer.concat([Buffer.from([FIN_PING, bytes.length]), bytes]);
}

function headerBytes(payloadBytes: number): number {
  if (payloadBytes <= MAX_7) return 2;
  return payloadBytes <= MAX_16 ? 4 : 10;
}

function writeHeader(frame: Buffer, payloadBytes: number): number {
  frame[0] = FIN_TEXT;
  if (payloadBytes <= MAX_7) {
    frame[1] = payloadBytes;
    return 2;
  }
  if (payloadBytes <= MAX_16) {
    frame[1] = LENGTH_16;
    return frame.writeUInt16BE(payloadBytes, 2);
  }
  frame[1] = LENGTH_64;
  return frame.writeBigUInt64BE(BigInt(payloadBytes), 2);
}

/** A text frame, ready for any socket. */
export function textFrame(text: string): Buffer {
  const payloadBytes = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(headerBytes(payloadBytes) + payloadBytes);
  frame.write(text, writeHeader(frame, payloadBytes));
  return frame;
}

/** The same of text that is encoded already. */
export function encodedTextFrame(text: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes(text.length) + text.length);
  text.copy(frame, writeHeader(frame, text.length));
  return frame;
}

/** Any frame but a message. */
export function controlFrame(frame: Exclude<DownFrame, { type: 'message' }>): Buffer {
  return textFrame(JSON.stringify(frame));
}

export const PONG_FRAME = controlFrame({ type: 'pong' });

const BRACE = 0x7d;
const BEFORE_DATA = '","data":';

/**
 * Encodes the messages of one topic: header and payload in one Buffer, once for all receivers. The data is copied
 * as it was published, never parsed; that of a channel is the whole payload.
 */
export function messageEncoder(topic: string): (id: Position, data: Buffer) => Buffer {
  if (isChannelTopic(topic)) return (_id, data) => encodedTextFrame(data);
  const start = Buffer.from(`{"type":"message","topic":${JSON.stringify(deliveredName(topic))},"id":"`);
  return (id, data) => {
    const payloadBytes = start.length + id.length + BEFORE_DATA.length + data.length + 1;
    const frame = Buffer.allocUnsafe(headerBytes(payloadBytes) + payloadBytes);
    let at = writeHeader(frame, payloadBytes);
    at += start.copy(frame, at);
    at += frame.write(id, at, 'latin1');
    at += frame.write(BEFORE_DATA, at, 'latin1');
    at += data.copy(frame, at);
    frame[at] = BRACE;
    return frame;
  };
}
