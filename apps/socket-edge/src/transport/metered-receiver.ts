import type { Writable } from 'node:stream';
import * as ws from 'ws';
import { closeCodes } from '@holdfast/protocol/close-codes';
import { type FrameDebt, type FrameMeter, WAIT_MS } from './frame-meter.ts';

/** RFC 6455, section 5.2: the most that the short and the middle form of a length can hold. */
const MAX_LENGTH_7 = 125;
const MAX_LENGTH_16 = 0xffff;
const MASK_BYTES = 4;
const PROTOCOL_ERROR = 1002;

/** States of ws' receiver, by their numbers in `lib/receiver.js`. */
const GET_PAYLOAD_LENGTH_16 = 1;
const GET_PAYLOAD_LENGTH_64 = 2;
const DEFER_EVENT = 6;

/** The names of what is written, or read where it may have changed. */
const STATE = '_state';
const ERRORED = '_errored';
const SYNCHRONOUS = '_allowSynchronousEvents';

type WriteCallback = (error?: Error) => void;

/** What is used of the receiver of ws 8.23.0 and is not in its types. A test of each use fails when it changes. */
interface WsReceiver extends Writable {
  _state: number;
  /** Of the frame whose header is being read. */
  _payloadLength: number;
  /** What a message may have. */
  _maxPayload: number;
  /** Read from the socket, and not taken apart yet. */
  _bufferedBytes: number;
  /** False: the next frame waits for the next turn of the event loop. */
  _allowSynchronousEvents: boolean;
  _errored: boolean;
  /** Called once for each frame, when its length is known; its mask and its payload follow. */
  haveLength(done: WriteCallback): void;
  startLoop(done: WriteCallback): void;
  createError(kind: ErrorConstructor, message: string, prefix: boolean, closeCode: number, code: string): Error;
}

const { Receiver } = ws as unknown as { Receiver: new () => WsReceiver };
const { haveLength } = Receiver.prototype;
/** Under which a receiver holds its WebSocket. */
const WEB_SOCKET = Object.getOwnPropertySymbols(new Receiver()).find(({ description }) => description === 'websocket');

/** The connection whose frames are metered. */
interface MeteredSocket extends FrameDebt {
  readonly meter: FrameMeter;
}

/**
 * Adds three things to the receivers of ws, which take frames apart, where the header of a frame has been read: lengths
 * must have their shortest form (RFC 6455, section 5.2); every frame is metered, fragments, pings and pongs too; and of
 * frames that were read together one is worked on in a turn of the event loop, so that the turn belongs to all
 * connections. A frame that comes alone, as the pong of an idle connection does, is worked on at once.
 * ws has no option for a class of receivers, and another prototype for each would make every handshake dearer.
 * @throws {TypeError} when ws is not the one that this was written for
 */
export function meterReceivers(receivers: Pick<WsReceiver, 'haveLength'> = Receiver.prototype): void {
  if (typeof receivers.haveLength !== 'function' || WEB_SOCKET === undefined) {
    throw new TypeError('not the receivers of ws 8');
  }
  receivers.haveLength = haveMeteredLength;
}

function haveMeteredLength(this: WsReceiver, done: WriteCallback): void {
  const socket = meteredSocketOf(this);
  if (socket === null) return haveLength.call(this, done);
  if (!isShortest(this)) {
    done(this.createError(RangeError, 'length not in its shortest form', true, PROTOCOL_ERROR, 'WS_ERR_LENGTH_FORM'));
    return;
  }
  const { _payloadLength: length, _bufferedBytes: buffered, _maxPayload: most } = this;
  this[SYNCHRONOUS] = buffered <= MASK_BYTES + length;
  // A length that is too large is not charged in full: ws refuses it next.
  socket.meter.charge(socket, Math.min(length, most));
  goOn(this, socket, done);
}

/** Null for a client of ws in the same process, which has no meter. */
function meteredSocketOf(receiver: WsReceiver): MeteredSocket | null {
  const socket = (receiver as unknown as Record<symbol, Partial<MeteredSocket>>)[WEB_SOCKET as symbol];
  return socket?.meter === undefined ? null : (socket as MeteredSocket);
}

function isShortest({ _state: state, _payloadLength: length }: WsReceiver): boolean {
  if (state === GET_PAYLOAD_LENGTH_16) return length > MAX_LENGTH_7;
  return state !== GET_PAYLOAD_LENGTH_64 || length > MAX_LENGTH_16;
}

/** Goes on to the mask and the payload of a frame, now or as soon as its connection may send it. */
function goOn(receiver: WsReceiver, socket: MeteredSocket, done: WriteCallback): void {
  // What is left of a socket that has gone delays nothing but its own end.
  const verdict = receiver.writableEnded ? 'go' : socket.meter.verdict(socket);
  if (verdict === 'go') {
    haveLength.call(receiver, done);
    return;
  }
  // ws reads nothing more from the socket until the frame is done with.
  receiver[STATE] = DEFER_EVENT;
  if (verdict === 'too-many') {
    const { code, reason } = closeCodes.tooManyFrames;
    done(receiver.createError(RangeError, reason, false, code, 'WS_ERR_TOO_MANY_FRAMES'));
    return;
  }
  setTimeout(() => {
    goOn(receiver, socket, done);
    if (receiver[STATE] !== DEFER_EVENT && !receiver[ERRORED]) receiver.startLoop(done);
  }, WAIT_MS);
}
