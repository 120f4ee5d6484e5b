import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { PROBLEM_MEDIA_TYPE } from '@holdfast/protocol/problems';
import { pathOf } from './handshake.ts';
import { type Refusal, refusal } from './refusal.ts';

/** Requests of a socket without an answer, the one that is worked on included. Nothing that asks an edge sends several at once. */
const MAX_UNANSWERED = 8;

/** As for an upgrade: what follows is not HTTP any more. */
const SKIP_THE_REST = 2;

/** An answer to a plain request; null: no such path. */
type PlainAnswer = { status: number; contentType: string; body: string } | null;

export interface PlainOptions {
  /** Answers a GET of a path. */
  answer: (path: string) => Promise<PlainAnswer>;
  /** Whether there is something to be had with GET at a path. */
  has: (path: string) => boolean;
  /** Whether connections are taken at a path. */
  connects: (path: string) => boolean;
  onError: (error: unknown) => void;
}

/** Requests that are no handshakes, one of a socket at a time: of a client that sends many and reads none, one is processed. */
export class PlainRequests {
  readonly #options: PlainOptions;
  readonly #waiting = new WeakMap<Socket, [IncomingMessage, ServerResponse][]>();

  constructor(options: PlainOptions) {
    this.#options = options;
  }

  /** For `request` of node:http. */
  take(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const waiting = this.#waiting.get(socket);
    if (waiting === undefined) void this.#workOff(socket, request, response);
    else if (waiting.length < MAX_UNANSWERED) waiting.push([request, response]);
    // RFC 9112, section 9.3.2: a client that sends several at once has to reckon with it.
    else cutOff(socket);
  }

  async #workOff(socket: Socket, first: IncomingMessage, answer: ServerResponse): Promise<void> {
    const waiting: [IncomingMessage, ServerResponse][] = [[first, answer]];
    this.#waiting.set(socket, waiting);
    for (let next = waiting[0]; next !== undefined && !socket.destroyed; next = waiting[0]) {
      const [request, response] = next;
      try {
        await this.#answer(request, response);
      } catch (error) {
        this.#options.onError(error);
        socket.destroy();
      }
      waiting.shift();
    }
    this.#waiting.delete(socket);
  }

  /** Resolves when the system has taken the whole answer, or the socket is gone. */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { answer, has, connects } = this.#options;
    const path = pathOf(request);
    const gets = request.method === 'GET' || request.method === 'HEAD';
    const found = gets ? await answer(path) : null;
    const { status, headers, body } = found
      ? { status: found.status, headers: { 'Content-Type': found.contentType }, body: found.body }
      : asAnswer(refusalOf(gets, has(path), connects(path)), response.shouldKeepAlive);
    if (request.socket.destroyed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    response.once('close', resolve);
    response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
    await promise;
  }
}

/** What Node's parser calls for each request; it has no public name. Answered with 2, it reads no further. */
interface ParsedSocket extends Socket {
  readonly parser?: { onIncoming?: () => number } | null;
}

/** A chunk of 64 KiB may hold two thousand requests, and to take apart those that are not answered costs 15 ms. */
function cutOff(socket: ParsedSocket): void {
  const { parser } = socket;
  if (parser) parser.onIncoming = () => SKIP_THE_REST;
  socket.destroy();
}

function refusalOf(gets: boolean, exists: boolean, connects: boolean): Refusal {
  if (connects) {
    if (!gets) return refusal('method-not-allowed', {}, { Allow: 'GET' });
    const headers = { Upgrade: 'websocket', Connection: 'Upgrade' };
    return refusal('upgrade-required', { detail: 'Connect with WebSocket' }, headers);
  }
  return exists && !gets ? refusal('method-not-allowed', {}, { Allow: 'GET, HEAD' }) : refusal('route-not-found');
}

/** @param keepsAlive a header of ours takes the place of Node's, which would announce the end of the connection */
function asAnswer({ problem, headers }: Refusal, keepsAlive: boolean) {
  const { Connection: connection } = headers;
  const ends = connection === undefined || keepsAlive ? {} : { Connection: `${connection}, close` };
  return {
    status: problem.status,
    headers: { ...headers, ...ends, 'Content-Type': PROBLEM_MEDIA_TYPE },
    body: JSON.stringify(problem),
  };
}
