import { MAX_CLIENT_FRAME_BYTES, MAX_RESUME_POSITIONS } from '@holdfast/protocol/limits';
import { type Resume, decodeUpFrame } from '@holdfast/protocol/up';
import type { WebSocket } from 'ws';
import { Failure, shown } from '../judge/failure.ts';

export interface ConnectionOptions {
  /** With `resume=1`: the client has to send `resume` frames first. */
  resumes: boolean;
  /** Answers no ping. */
  mute: boolean;
  /** Something has come, or the connection is over. */
  onChange: () => void;
  /** The client sent what the protocol does not allow. */
  onFault: (fault: Failure) => void;
}

/** One connection of the client, seen from the edge. Frames are judged by section 3.2 as they come. */
export class Connection {
  /** Ping frames that no step has taken, with when they came. */
  readonly pings: number[] = [];
  /** Payloads of pongs. */
  readonly pongs: string[] = [];
  /** From which positions the client resumes, once the last of the frames is here. */
  resumed: Record<string, string> | undefined;
  resumeFrames = 0;
  /** By whom it was ended, when it is over. `at`: when the edge sent its close frame, or saw the client's end. */
  end: { by: 'client' | 'server'; code: number; at: number } | undefined;
  /** When the edge sent something last. */
  lastSentAt = performance.now();
  readonly options: ConnectionOptions;
  readonly #socket: WebSocket;
  readonly #positions = new Map<string, string>();
  #endingAt: number | undefined;

  constructor(socket: WebSocket, options: ConnectionOptions) {
    this.options = options;
    this.#socket = socket;
    socket.on('message', (data: Buffer, isBinary) => {
      const fault = this.#receive(data, isBinary);
      if (fault === undefined) options.onChange();
      else options.onFault(fault);
    });
    socket.on('pong', (data: Buffer) => {
      this.pongs.push(data.toString());
      options.onChange();
    });
    socket.on('error', (error) => {
      const hasEnded = this.endedAt !== undefined;
      if (!hasEnded) options.onFault(new Failure('what RFC 6455 allows', error.message));
    });
    socket.on('close', (code) => this.#ended(code));
  }

  /** When its end began. */
  get endedAt(): number | undefined {
    return this.#endingAt ?? this.end?.at;
  }

  /** Whether neither side has begun to end it. */
  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN && this.#endingAt === undefined;
  }

  send(text: string): void {
    this.#sends();
    this.#socket.send(text);
  }

  sendFragments(fragments: readonly string[]): void {
    this.#sends();
    for (const [index, fragment] of fragments.entries()) {
      this.#socket.send(fragment, { fin: index === fragments.length - 1 });
      if (index === 0) this.#socket.ping();
    }
  }

  ping(payload: string): void {
    this.#sends();
    this.#socket.ping(payload);
  }

  close(code: number, reason: string): void {
    this.#endingAt = performance.now();
    this.#socket.close(code, reason);
  }

  /** Ends it without a close frame. */
  cut(): void {
    this.#endingAt = performance.now();
    this.#socket.terminate();
  }

  /** Taken before the system is called: the client may have it before this process goes on. */
  #sends(): void {
    this.lastSentAt = performance.now();
  }

  #ended(code: number): void {
    const by = this.#endingAt === undefined ? 'client' : 'server';
    this.end = { by, code, at: this.#endingAt ?? performance.now() };
    this.options.onChange();
  }

  #receive(data: Buffer, isBinary: boolean): Failure | undefined {
    if (isBinary) return new Failure('text messages', `a binary message of ${data.byteLength} bytes`);
    const text = data.toString();
    if (data.byteLength > MAX_CLIENT_FRAME_BYTES) {
      return new Failure('frames of at most 64 KiB', `${data.byteLength} bytes: ${shown(text)}`);
    }
    const decoded = decodeUpFrame(text);
    if (!decoded.ok) return new Failure('a frame of section 3.2', `${shown(text)} (${decoded.why})`);
    if (decoded.frame.type === 'resume') return this.#resume(decoded.frame);
    this.pings.push(performance.now());
    if (!this.options.mute && this.isOpen) this.send('{"type":"pong"}');
    return undefined;
  }

  #resume(frame: Resume): Failure | undefined {
    if (!this.options.resumes) return new Failure('no resume on a connection without resume=1', shown(frame));
    if (this.resumed !== undefined) return new Failure('no resume after the last one', shown(frame));
    this.resumeFrames += 1;
    for (const [topic, position] of Object.entries(frame.positions)) {
      if (this.#positions.has(topic)) return new Failure(`${topic} in one resume frame only`, shown(frame));
      this.#positions.set(topic, position);
    }
    if (this.#positions.size > MAX_RESUME_POSITIONS) {
      return new Failure(`at most ${MAX_RESUME_POSITIONS} positions`, String(this.#positions.size));
    }
    if (frame.more !== true) this.resumed = Object.fromEntries(this.#positions);
    return undefined;
  }
}
