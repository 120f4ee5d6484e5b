import { type Socket, connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { clientFrame, type FrameSink, opcode, readFrames } from './frames.ts';
import { handshakeRequest, readHandshakeAnswer } from './handshake.ts';

/** Where a connection goes to, and from which address of this machine. */
export interface Route {
  host: string;
  port: number;
  tls: boolean;
  path: string;
  /** Absent: the system chooses. */
  localAddress?: string;
}

/**
 * The events of the connections of a process; one object for all of them. `member` is what the connection was made with.
 */
export interface ConnectionEvents<Member> {
  onOpen(member: Member, connection: Connection<Member>): void;
  /** A text frame; its bytes are `bytes[from, to)`, valid until this returns. */
  onText(member: Member, bytes: Buffer, from: number, to: number): void;
  /** The edge answered the handshake in HTTP. The connection is over. */
  onRefused(member: Member, status: number, retryAfterMs: number | undefined): void;
  /** The connection is over: with the code of the edge's close frame, or 1006 and what happened. */
  onClose(member: Member, code: number, reason: string): void;
}

/** An edge that admits handshakes one after the other may keep the last of a crowd waiting for this long. */
const HANDSHAKE_MS = 20_000;
/** An edge answers a close frame at once. */
const CLOSE_MS = 5_000;
const MAX_HEAD_BYTES = 16 * 1024;
/** No close frame came: RFC 6455, section 7.1.5. */
export const ABNORMAL = 1006;
const HEAD_END = '\r\n\r\n';

/**
 * All sockets of a process read into this one buffer: Node reads and calls back synchronously, so nothing else can be
 * in it. It holds what the kernel has of one socket; 64 KiB is what Node itself allocates, for every read anew.
 */
const readBuffer = Buffer.allocUnsafe(64 * 1024);

/**
 * A WebSocket client of its own, for text frames that arrive whole: the generator shares the machine with what it
 * measures. With 10,000 connections and 50,000 deliveries a second (250 bytes, Node 26, two runs each) a delivery cost
 * 5.8 µs of CPU and a connection 3.4 kB here, 10.2 µs and 5.4 kB with `ws`; half of the 5.8 µs is the kernel's.
 */
export class Connection<Member> implements FrameSink {
  readonly member: Member;
  readonly #events: ConnectionEvents<Member>;
  readonly #socket: Socket;
  #state: 'connecting' | 'open' | 'over' = 'connecting';
  #isClosing = false;
  /** What came of a head, or of a frame, that is not complete. */
  #rest: Buffer | undefined;
  #deadline: NodeJS.Timeout | undefined;

  constructor(route: Route, clientId: string, member: Member, events: ConnectionEvents<Member>) {
    this.member = member;
    this.#events = events;
    const options = {
      host: route.host,
      port: route.port,
      noDelay: true,
      onread: { buffer: readBuffer, callback: (count: number) => this.#onRead(count) },
      ...(route.localAddress === undefined ? {} : { localAddress: route.localAddress }),
    };
    this.#socket = route.tls ? connectTls({ ...options, servername: route.host }) : connect(options);
    this.#deadline = setTimeout(() => this.#end(ABNORMAL, 'the handshake was not answered in time'), HANDSHAKE_MS);
    this.#socket.on('error', (error) => this.#end(ABNORMAL, error.message));
    this.#socket.on('close', () => this.#end(ABNORMAL, 'the connection was cut'));
    this.#socket.write(handshakeRequest(`${route.host}:${route.port}`, route.path, clientId));
  }

  /** Sends a text frame of less than 64 KiB. */
  sendText(text: string): void {
    if (this.#state === 'open') this.#socket.write(clientFrame(opcode.text, Buffer.from(text)));
  }

  /** Sends a close frame; `onClose` follows when the edge has answered, or has not for too long. */
  close(code: number): void {
    if (this.#state !== 'open' || this.#isClosing) return;
    this.#isClosing = true;
    this.#socket.write(clientFrame(opcode.close, Buffer.from([code >> 8, code & 0xff])));
    this.#deadline = setTimeout(() => this.#end(ABNORMAL, 'the close frame was not answered'), CLOSE_MS);
  }

  /** Ends it at once, and without a word to `onClose`. */
  destroy(): void {
    this.#state = 'over';
    clearTimeout(this.#deadline);
    this.#socket.destroy();
  }

  onFrame(code: number, bytes: Buffer, from: number, to: number): boolean {
    if (code === opcode.text) {
      this.#events.onText(this.member, bytes, from, to);
    } else if (code === opcode.ping) {
      this.#socket.write(clientFrame(opcode.pong, bytes.subarray(from, to)));
    } else if (code === opcode.close) {
      if (this.#isClosing) this.#socket.end();
      else this.#socket.end(clientFrame(opcode.close, bytes.subarray(from, Math.min(from + 2, to))));
      const closeCode = to - from >= 2 ? bytes.readUInt16BE(from) : 1005;
      this.#end(closeCode, bytes.toString('utf8', Math.min(from + 2, to), to));
    } else if (code === opcode.binary) {
      this.onBrokenStream('a binary frame');
    }
    return this.#state === 'open';
  }

  onBrokenStream(why: string): void {
    this.#end(ABNORMAL, `broken stream: ${why}`);
    this.#socket.destroy();
  }

  #onRead(count: number): boolean {
    if (this.#state === 'open') {
      this.#rest = readFrames(this.#rest, readBuffer, count, this);
    } else if (this.#state === 'connecting') {
      this.#onHead(count);
    }
    return true;
  }

  #onHead(count: number): void {
    const head = Buffer.concat([this.#rest ?? Buffer.alloc(0), readBuffer.subarray(0, count)]);
    const end = head.indexOf(HEAD_END);
    if (end === -1) {
      this.#rest = head;
      if (head.length > MAX_HEAD_BYTES) this.onBrokenStream('the answer to the handshake does not end');
      return;
    }
    this.#rest = undefined;
    const answer = readHandshakeAnswer(head.toString('latin1', 0, end));
    if (answer.kind === 'broken') {
      this.onBrokenStream(answer.why);
    } else if (answer.kind === 'refused') {
      this.destroy();
      this.#events.onRefused(this.member, answer.status, answer.retryAfterMs);
    } else {
      clearTimeout(this.#deadline);
      this.#deadline = undefined;
      this.#state = 'open';
      this.#events.onOpen(this.member, this);
      const frames = head.subarray(end + HEAD_END.length);
      if (frames.length > 0) this.#rest = readFrames(undefined, frames, frames.length, this);
    }
  }

  #end(code: number, reason: string): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    clearTimeout(this.#deadline);
    this.#rest = undefined;
    if (code === ABNORMAL) this.#socket.destroy();
    this.#events.onClose(this.member, code, reason);
  }
}
