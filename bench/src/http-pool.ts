import { type Socket, connect } from 'node:net';

const HEADERS_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

export interface Answer {
  status: number;
  body: string;
}

/** One HTTP/1.1 connection, a request at a time. */
class Line {
  readonly #socket: Socket;
  #input: Buffer = Buffer.alloc(0);
  #awaited: PromiseWithResolvers<Answer> | undefined;
  failure: Error | undefined;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the server has closed the connection')));
  }

  send(request: string): Promise<Answer> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.#awaited = Promise.withResolvers<Answer>();
    this.#socket.write(request);
    return this.#awaited.promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    const end = this.#input.indexOf(HEADERS_END);
    if (end === -1) return;
    const head = this.#input.toString('latin1', 0, end);
    const length = /^content-length: *(\d+)/im.exec(head)?.[1];
    if (/^connection: *close/im.test(head))
      this.failure ??= new Error('the server closes the connection behind this answer');
    const isChunked = /^transfer-encoding: *chunked/im.test(head);
    const bodyStart = end + HEADERS_END.length;
    if (isChunked ? !this.#input.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK) : this.#isShort(bodyStart, length)) {
      return;
    }
    // Of chunks only their end matters: nobody looks into such an answer, but to show it when it says why not.
    const body = this.#input.toString('utf8', bodyStart);
    this.#input = Buffer.alloc(0);
    const awaited = this.#awaited;
    this.#awaited = undefined;
    awaited?.resolve({ status: Number(head.slice(9, 12)), body });
  }

  #isShort(bodyStart: number, length: string | undefined): boolean {
    return this.#input.length < bodyStart + Number(length ?? 0);
  }

  #fail(error: Error): void {
    this.failure ??= error;
    this.#awaited?.reject(this.failure);
    this.#awaited = undefined;
  }
}

/**
 * Calls to a server of this machine over connections that stay. As lean as can be, for it shares the machine with what
 * is measured: no more of HTTP than these servers' answers need.
 */
export class HttpPool {
  readonly #port: number;
  readonly #headers: string;
  readonly #free: Line[] = [];
  readonly #all = new Set<Line>();
  readonly #waiting: ((line: Line) => void)[] = [];
  readonly #size: number;

  /** `size`: how many calls may be under way at once; more wait. */
  constructor(port: number, size: number, headers: Readonly<Record<string, string>> = {}) {
    this.#port = port;
    this.#size = size;
    this.#headers = Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
  }

  /** Rejects when there was no answer, and for one that is not a success. */
  async call(method: string, path: string, body?: string): Promise<Answer> {
    const line = await this.#take();
    try {
      const length = body === undefined ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
      const answer = await line.send(
        `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${this.#port}\r\n${this.#headers}${length}\r\n${body ?? ''}`,
      );
      if (answer.status < 200 || answer.status > 299) {
        throw new Error(`${method} ${path} was answered with ${answer.status}: ${answer.body.slice(0, 500)}`);
      }
      return answer;
    } finally {
      this.#give(line);
    }
  }

  close(): void {
    for (const line of this.#all) line.close();
  }

  #take(): Line | Promise<Line> {
    const free = this.#free.pop();
    if (free !== undefined && free.failure === undefined) return free;
    if (free !== undefined) this.#all.delete(free);
    if (this.#all.size < this.#size) return this.#open();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #open(): Line {
    const line = new Line(this.#port);
    this.#all.add(line);
    return line;
  }

  #give(line: Line): void {
    let usable = line;
    if (line.failure !== undefined) {
      this.#all.delete(line);
      if (this.#waiting.length === 0) return;
      usable = this.#open();
    }
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(usable);
    else next(usable);
  }
}
