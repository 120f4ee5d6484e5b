import { type RawData, WebSocket } from 'ws';
import type { App } from './app.ts';
import { type Frame, dataOf, errorCode, readFrame } from './frames.ts';
import { attemptMs, pauseAfter } from './retry.ts';

/** Of pusher-js: without a frame for so long it pings, and waits so long for any frame. */
const ACTIVITY_MS = 120_000;
const PONG_MS = 30_000;
const NO_CLOSE_FRAME = 1006;
const NORMAL = 1000;
const PING = '{"event":"pusher:ping","data":{}}';
const PONG = '{"event":"pusher:pong","data":{}}';

export interface ClientOptions {
  app: App;
  /** What stands behind the one address that pages know. */
  edgeUrls: readonly string[];
  random: () => number;
  /** A handshake begins. */
  onHandshake: () => void;
  onEstablished: (socketId: string) => void;
  /** A frame on an established connection, as text: what has been seen before need not be parsed again. */
  onText: (text: string) => void;
  /** An established connection is over. */
  onEnd: (code: number) => void;
  /** Something that no client should see, as a sentence. */
  onComplaint: (sentence: string) => void;
}

/**
 * A connection that comes again by the rules of pusher-js: a second after a loss, at once after 4200, never after 4001, and
 * much later after a refusal in HTTP. It knows nothing of channels. A balancer stands before the edges: it goes on to
 * another one when nothing listens at the first.
 */
export class PusherClient {
  readonly #options: ClientOptions;
  #socket: WebSocket | undefined;
  #attempt: NodeJS.Timeout | undefined;
  #pause: NodeJS.Timeout | undefined;
  #activity: NodeJS.Timeout | undefined;
  #activityMs = ACTIVITY_MS;
  #isWaitingForPong = false;
  #failures = 0;
  #isClosed = false;
  /** On the present connection. */
  isEstablished = false;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  connect(): void {
    this.#isClosed = false;
    this.#failures = 0;
    this.#try();
  }

  /** Ends it for good. */
  close(): void {
    this.#isClosed = true;
    this.#end(NORMAL);
  }

  send(text: string): void {
    if (this.isEstablished) this.#socket?.send(text);
  }

  #try(): void {
    this.#options.onHandshake();
    const { edgeUrls, random } = this.#options;
    const first = Math.floor(random() * edgeUrls.length);
    this.#attempt = setTimeout(() => {
      this.#failures += 1;
      this.#end(NORMAL);
      this.#try();
    }, attemptMs(this.#failures));
    this.#dial([...edgeUrls.slice(first), ...edgeUrls.slice(0, first)]);
  }

  #dial([url, ...others]: readonly string[]): void {
    if (url === undefined) return;
    const { app, onComplaint } = this.#options;
    const address = `${url}/app/${app.key}?protocol=7&client=js&version=8.6.0&flash=false`;
    const socket = new WebSocket(address, { perMessageDeflate: false });
    this.#socket = socket;
    let isOpen = false;
    const isPresent = () => this.#socket === socket;
    socket.on('open', () => (isOpen = true));
    socket.on('message', (text) => {
      if (isPresent()) this.#receive(textOf(text));
    });
    socket.on('unexpected-response', (_request, response) => {
      if (isPresent()) onComplaint(`a handshake was refused with ${response.statusCode}`);
      response.resume();
      socket.terminate();
    });
    socket.on('error', (error) => {
      if (isPresent() && !isOpen && 'code' in error && error.code === 'ECONNREFUSED') this.#dial(others);
    });
    socket.on('close', (code) => {
      // One that was never open is followed by the next when its time is over.
      if (isPresent() && isOpen) this.#lost(code === 0 ? NO_CLOSE_FRAME : code);
    });
  }

  #receive(text: string): void {
    if (!this.isEstablished) {
      this.#first(readFrame(text));
      return;
    }
    if (this.#isWaitingForPong) this.#watchActivity();
    else this.#activity?.refresh();
    if (text.startsWith('{"event":"pusher:')) {
      const frame = readFrame(text);
      if (frame?.event === 'pusher:ping') this.send(PONG);
      if (frame?.event === 'pusher:error') this.#options.onComplaint(`an error came: ${text}`);
    }
    this.#options.onText(text);
  }

  #first(frame: Frame | null): void {
    if (frame?.event === 'pusher:error') {
      this.#lost(errorCode(frame));
      return;
    }
    const { socket_id: socketId, activity_timeout: seconds } = frame === null ? {} : dataOf(frame);
    if (frame?.event !== 'pusher:connection_established' || typeof socketId !== 'string') {
      this.#options.onComplaint(`the first frame was ${frame?.event ?? 'none'}`);
      return;
    }
    // pusher-js gives up where it is missing.
    if (typeof seconds !== 'number') this.#options.onComplaint('activity_timeout is missing');
    clearTimeout(this.#attempt);
    this.#failures = 0;
    this.isEstablished = true;
    this.#activityMs = Math.min(ACTIVITY_MS, Number(seconds) * 1000);
    this.#watchActivity();
    this.#options.onEstablished(socketId);
  }

  #watchActivity(): void {
    this.#isWaitingForPong = false;
    clearTimeout(this.#activity);
    this.#activity = setTimeout(() => {
      this.send(PING);
      this.#isWaitingForPong = true;
      this.#activity = setTimeout(() => this.#silent(), PONG_MS);
    }, this.#activityMs);
  }

  #silent(): void {
    this.#options.onComplaint('a ping was not answered');
    this.#end(NORMAL);
    this.#try();
  }

  /** The connection is over by what the server did. */
  #lost(code: number): void {
    this.#end(code);
    if (this.#isClosed) return;
    const pause = pauseAfter(code);
    if (pause === null) {
      this.#options.onComplaint(`code ${code} has clients never come again`);
      return;
    }
    this.#pause = setTimeout(() => this.#try(), pause);
  }

  #end(code: number): void {
    for (const timer of [this.#attempt, this.#pause, this.#activity]) clearTimeout(timer);
    const [socket, wasEstablished] = [this.#socket, this.isEstablished];
    this.#socket = undefined;
    this.isEstablished = false;
    this.#isWaitingForPong = false;
    if (socket?.readyState === WebSocket.CONNECTING) socket.terminate();
    else socket?.close(NORMAL);
    if (wasEstablished) this.#options.onEnd(code);
  }
}

function textOf(data: RawData): string {
  return (Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as ArrayBuffer)).toString();
}
