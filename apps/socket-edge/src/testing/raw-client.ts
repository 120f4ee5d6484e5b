import { once } from 'node:events';
import { type Socket, connect } from 'node:net';

/** RFC 6455, section 1.3: any 16 bytes. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const CLOSE = 0x88;
const LENGTH_16 = 126;

export interface HttpAnswer {
  status: number;
  /** Names in lower case. */
  headers: Map<string, string>;
  body: string;
}

/** Resolves when a socket is closed. A reset is an end like any other; `once(socket, 'close')` rejects with its error. */
export function closeOf(socket: Socket): Promise<void> {
  if (socket.closed) return Promise.resolve();
  return new Promise((resolve) => {
    socket.on('error', () => socket.destroy());
    socket.once('close', () => resolve());
  });
}

/** Sends a request as it is given, and reads the answer until the connection ends. */
export async function rawRequest(port: number, lines: readonly string[]): Promise<HttpAnswer> {
  const socket = connect(port, '127.0.0.1');
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  await closeOf(socket);
  const [head = '', body = ''] = Buffer.concat(parts).toString().split('\r\n\r\n');
  const [statusLine = '', ...headers] = head.split('\r\n');
  return {
    status: Number(statusLine.split(' ')[1]),
    headers: new Map(headers.map((line) => [line.split(': ')[0]?.toLowerCase() ?? '', line.split(': ')[1] ?? ''])),
    body,
  };
}

/** The lines of a good handshake, with these headers in place of its own or beside them. */
export function handshakeLines(path: string, headers: Readonly<Record<string, string>> = {}): string[] {
  const all = {
    Host: 'edge',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': KEY,
    ...headers,
  };
  return [`GET ${path} HTTP/1.1`, ...Object.entries(all).map(([name, value]) => `${name}: ${value}`)];
}

/** A WebSocket client that can send any bytes. */
export async function rawSocket(port: number, path: string) {
  const socket = connect(port, '127.0.0.1');
  socket.write(`${handshakeLines(path).join('\r\n')}\r\n\r\n`);
  const [head] = (await once(socket, 'data')) as [Buffer];
  if (!head.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(head.toString());
  const parts = [head.subarray(head.indexOf('\r\n\r\n') + 4)];
  socket.on('data', (part: Buffer) => {
    parts.push(part);
    // A goodbye is answered by an end.
    if (codeIn(Buffer.concat(parts)) !== undefined) socket.end();
  });
  const closed = closeOf(socket);
  return {
    socket,
    /** The code that the edge closes with; undefined when the connection ends without one. */
    async closeCode(): Promise<number | undefined> {
      await closed;
      return codeIn(Buffer.concat(parts));
    },
  };
}

/** A masked frame, with a mask of zeroes so that the payload stays readable. */
export function maskedFrame(firstByte: number, payload: Buffer): Buffer {
  const long = payload.length >= LENGTH_16;
  const head = Buffer.alloc(long ? 8 : 6);
  head[0] = firstByte;
  head[1] = 0x80 | (long ? LENGTH_16 : payload.length);
  if (long) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

function codeIn(bytes: Buffer): number | undefined {
  let at = 0;
  while (at + 1 < bytes.length) {
    let length = bytes[at + 1] ?? 0;
    let start = at + 2;
    if (length === LENGTH_16) {
      length = bytes.readUInt16BE(start);
      start += 2;
    }
    if (bytes[at] === CLOSE) return bytes.readUInt16BE(start);
    at = start + length;
  }
  return undefined;
}
