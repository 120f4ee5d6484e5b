import { type Socket, connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
/** Longer than any call takes that is not stuck. */
const CALL_MS = 10_000;
/** What an error shows of an answer. */
const SHOWN_CHARACTERS = 500;

export interface HttpAnswer {
  status: number;
  body: string;
}

/** There was no answer that can be understood: what was asked for may have happened, or not. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
  readonly code = 'unreachable';
}

interface Head {
  status: number;
  /** Absent: the body ends as `isChunked` says, or with the connection. */
  length: number | undefined;
  isChunked: boolean;
  closes: boolean;
}

/** One HTTP/1.1 connection, a request at a time. */
class Connection {
  readonly #socket: Socket;
  readonly #onFailure: () => void;
  #chunks: Buffer[] = [];
  #size = 0;
  #head: Head | undefined;
  #pending: PromiseWithResolvers<HttpAnswer> | undefined;
  #failure: Error | undefined;

  constructor(base: URL, onFailure: () => void) {
    this.#onFailure = onFailure;
    const isTls = base.protocol === 'https:';
    const host = base.hostname.replace(/^\[|\]$/g, '');
    const to = { host, port: Number(base.port) || (isTls ? 443 : 80), noDelay: true };
    this.#socket = isTls ? connectTls({ ...to, servername: host }) : connect(to);
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#closed());
  }

  async send(request: string, withinMs: number): Promise<HttpAnswer> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#pending = Promise.withResolvers<HttpAnswer>();
    const timer = setTimeout(() => this.destroy(new Error(`no answer within ${withinMs / 1000} s`)), withinMs);
    this.#socket.write(request);
    try {
      return await this.#pending.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  destroy(error?: Error): void {
    this.#fail(error ?? new Error('the connection was given up'));
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    this.#head ??= this.#readHead();
    if (this.#head === undefined) return;
    const { status, length, isChunked, closes } = this.#head;
    if (length !== undefined) {
      if (this.#size >= length) this.#answer(status, this.#joined().toString('utf8', 0, length));
    } else if (isChunked) {
      const bytes = this.#joined();
      const body = bytes.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK) ? withoutChunks(bytes) : undefined;
      if (body !== undefined) this.#answer(status, body);
    } else if (!closes) {
      this.#answer(status, '');
    }
  }

  /** Takes the head off what has come; undefined while it is not there in full. */
  #readHead(): Head | undefined {
    const bytes = this.#joined();
    const end = bytes.indexOf(HEAD_END);
    if (end === -1) return undefined;
    const text = bytes.toString('latin1', 0, end);
    const rest = bytes.subarray(end + HEAD_END.length);
    this.#chunks = [rest];
    this.#size = rest.length;
    const length = /^content-length: *(\d+)/im.exec(text)?.[1];
    return {
      status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0),
      length: length === undefined ? undefined : Number(length),
      isChunked: /^transfer-encoding: *chunked/im.test(text),
      closes: /^connection: *close/im.test(text),
    };
  }

  #joined(): Buffer {
    const [only] = this.#chunks;
    if (this.#chunks.length === 1 && only !== undefined) return only;
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }

  #answer(status: number, body: string): void {
    const closes = this.#head?.closes === true;
    const pending = this.#pending;
    this.#chunks = [];
    this.#size = 0;
    this.#head = undefined;
    this.#pending = undefined;
    if (closes) this.destroy();
    pending?.resolve({ status, body });
  }

  #closed(): void {
    // A body without a length ends with its connection.
    if (this.#head?.closes === true && !this.#head.isChunked && this.#head.length === undefined) {
      this.#answer(this.#head.status, this.#joined().toString());
    }
    this.#fail(new Error('the server has closed the connection'));
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#pending?.reject(error);
    this.#pending = undefined;
    this.#onFailure();
  }
}

/** The body of a chunked answer; undefined when it has not come in full. Trailers are not known. */
function withoutChunks(bytes: Buffer): string | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (size === 0) return Buffer.concat(parts).toString();
    const from = lineEnd + 2;
    if (Number.isNaN(size) || from + size > bytes.length) return undefined;
    parts.push(bytes.subarray(from, from + size));
    at = from + size + 2;
  }
}

/**
 * Calls to one server over connections that stay. As lean as can be, because it shares the machine with what is
 * measured: no more of HTTP than the answers of an API need.
 */
export class HttpPool {
  readonly base: URL;
  readonly #headers: string;
  readonly #prefix: string;
  readonly #size: number;
  readonly #callMs: number;
  readonly #idle: Connection[] = [];
  readonly #all = new Set<Connection>();
  readonly #waiting: ((connection: Connection) => void)[] = [];

  /** `size`: how many calls may be under way at once; more wait. `callMs`: how long one may take. */
  constructor(url: string, size: number, headers: Readonly<Record<string, string>> = {}, callMs: number = CALL_MS) {
    this.#callMs = callMs;
    this.base = new URL(url.endsWith('/') ? url : `${url}/`);
    this.#prefix = this.base.pathname.slice(0, -1);
    this.#size = size;
    this.#headers = Object.entries({ Host: this.base.host, ...headers })
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
  }

  /**
   * Gives the answer, whatever its status. Rejects with {@link Unreachable}. `path` begins with a slash.
   * @param headers of this call alone, as lines that each end with CRLF
   */
  async send(method: string, path: string, body?: string, headers = ''): Promise<HttpAnswer> {
    const connection = await this.#acquire();
    try {
      const of =
        body === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
      return await connection.send(
        `${method} ${this.#prefix}${path} HTTP/1.1\r\n${this.#headers}${headers}${of}\r\n${body ?? ''}`,
        this.#callMs,
      );
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Unreachable(`${this.base.href} does not answer: ${why}`, { cause });
    } finally {
      this.#release(connection);
    }
  }

  /** Rejects also when the answer is not a success. */
  async call(method: string, path: string, body?: string, headers?: string): Promise<HttpAnswer> {
    const answer = await this.send(method, path, body, headers);
    if (answer.status >= 200 && answer.status <= 299) return answer;
    throw new Error(`${method} ${path} was answered with ${answer.status}: ${answer.body.slice(0, SHOWN_CHARACTERS)}`);
  }

  close(): void {
    for (const connection of this.#all) connection.destroy();
  }

  #acquire(): Connection | Promise<Connection> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#all.size < this.#size) return this.#open();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #open(): Connection {
    const connection = new Connection(this.base, () => this.#forget(connection));
    this.#all.add(connection);
    return connection;
  }

  #forget(connection: Connection): void {
    this.#all.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
  }

  #release(connection: Connection): void {
    const next = this.#waiting.shift();
    if (this.#all.has(connection)) {
      if (next === undefined) this.#idle.push(connection);
      else next(connection);
    } else if (next !== undefined) {
      next(this.#open());
    }
  }
}
