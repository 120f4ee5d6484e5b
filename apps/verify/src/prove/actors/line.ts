import type { Position } from '@holdfast/protocol/position-order';
import { type RawData, WebSocket } from 'ws';
import type { Frame } from '../history/events.ts';
import type { History } from '../history/history.ts';
import { monotonicMs } from '@holdfast/harness/clock';
import { tokenOf } from '../payload.ts';

/** Longer than an edge waits for Redis. */
const HANDSHAKE_MS = 10_000;
const NO_CLOSE_FRAME = 1006;
/** The frames that a history holds. */
const KEPT: ReadonlySet<string> = new Set(['welcome', 'message', 'subscribed', 'unsubscribed', 'lost']);

export interface LineOptions {
  history: History;
  /** Where its edge, or the proxy before it, listens. */
  url: string;
  /** The number of that edge. */
  edge: number;
  client: string;
  /** What it resumes from; null: it does not. */
  positions: Readonly<Record<string, Position>> | null;
  onFrame?: (frame: Frame) => void;
}

/** One connection of a client, every frame of which goes into the history. It does not come again by itself. */
export class Line {
  readonly number: number;
  readonly edge: number;
  /** Resolves with whether it got its welcome. */
  readonly welcomed: Promise<boolean>;
  /** Resolves when it is over. */
  readonly ended: Promise<void>;
  readonly #socket: WebSocket;
  readonly #options: LineOptions;
  readonly #welcomed = Promise.withResolvers<boolean>();
  readonly #ended = Promise.withResolvers<void>();
  /** Its close code; null while it stands or tries to. */
  code: number | null = null;
  /** With which its handshake was refused; null when it was not. */
  status: number | null = null;
  #isWelcomed = false;
  #byUs = false;

  constructor(options: LineOptions) {
    const { history, client, edge, positions, url } = options;
    this.#options = options;
    this.edge = edge;
    this.welcomed = this.#welcomed.promise;
    this.ended = this.#ended.promise;
    this.number = history.newLine();
    history.record({ kind: 'opening', at: monotonicMs(), line: this.number, client, edge, positions });
    const address = `${url}/v1/connect?client=${client}${positions === null ? '' : '&resume=1'}`;
    const socket = new WebSocket(address, 'holdfast.v1', { perMessageDeflate: false, handshakeTimeout: HANDSHAKE_MS });
    this.#socket = socket;
    socket.on('open', () => {
      history.record({ kind: 'opened', at: monotonicMs(), line: this.number });
      if (positions !== null) socket.send(JSON.stringify({ type: 'resume', positions }));
    });
    socket.on('message', (text) => this.#receive(textOf(text)));
    socket.on('unexpected-response', (_request, response) => {
      this.status = response.statusCode ?? null;
      response.resume();
      socket.terminate();
    });
    // What it was, `close` says.
    socket.on('error', () => undefined);
    socket.on('close', (code) => this.#close(code));
  }

  /** Whether it has its welcome and stands. */
  get isOpen(): boolean {
    return this.#isWelcomed && this.code === null;
  }

  /** Ends it with a goodbye, or without a word. */
  close(how: 'goodbye' | 'cut'): void {
    this.#byUs = true;
    if (how === 'cut') this.#socket.terminate();
    else this.#socket.close(1000);
  }

  #receive(text: string): void {
    const parsed = JSON.parse(text) as { type: string; data?: unknown };
    if (!KEPT.has(parsed.type)) return;
    const { data, ...rest } = parsed;
    const frame = (parsed.type === 'message' ? { ...rest, token: tokenOf(data) } : rest) as Frame;
    this.#options.history.record({ kind: 'frame', at: monotonicMs(), line: this.number, frame });
    if (frame.type === 'welcome') {
      this.#isWelcomed = true;
      this.#welcomed.resolve(true);
    }
    this.#options.onFrame?.(frame);
  }

  #close(code: number): void {
    this.code = code === 0 ? NO_CLOSE_FRAME : code;
    const event = { at: monotonicMs(), line: this.number, code: this.code, byUs: this.#byUs, status: this.status };
    this.#options.history.record({ kind: 'closed', ...event });
    this.#welcomed.resolve(false);
    this.#ended.resolve();
  }
}

function textOf(data: RawData): string {
  return (Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as ArrayBuffer)).toString();
}
