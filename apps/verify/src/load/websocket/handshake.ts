import { createHash, randomBytes } from 'node:crypto';
import { SUBPROTOCOL } from '@holdfast/protocol/version';

const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/**
 * RFC 6455 wants a fresh nonce for every handshake, to keep caches out of the way; between a generator and the edge
 * under test one for each process does, and its answer is computed once.
 */
const NONCE = randomBytes(16).toString('base64');
const EXPECTED_ACCEPT = createHash('sha1')
  .update(NONCE + ACCEPT_GUID)
  .digest('base64');

/** What opens a connection: the credential goes into a header, where access logs do not find it. */
export function handshakeRequest(host: string, path: string, clientId: string): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${NONCE}\r\nSec-WebSocket-Protocol: ${SUBPROTOCOL}\r\n` +
    `Authorization: Bearer ${clientId}\r\n\r\n`
  );
}

/** An edge's answer: `refused` has the HTTP status, and what Retry-After says in milliseconds. */
export type HandshakeAnswer =
  | { kind: 'open' }
  | { kind: 'refused'; status: number; retryAfterMs: number | undefined }
  | { kind: 'broken'; why: string };

/** Reads the head of the answer, up to and without the empty line that ends it. */
export function readHandshakeAnswer(head: string): HandshakeAnswer {
  const [statusLine = '', ...lines] = head.split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]);
  if (Number.isNaN(status)) return { kind: 'broken', why: 'the answer to the handshake is not HTTP/1.1' };
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  if (status !== 101) return { kind: 'refused', status, retryAfterMs: retryAfterMs(headers.get('retry-after')) };
  if (headers.get('sec-websocket-accept') !== EXPECTED_ACCEPT) {
    return { kind: 'broken', why: 'Sec-WebSocket-Accept does not answer the key' };
  }
  return { kind: 'open' };
}

/** Seconds, or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const seconds = Number(value);
  const ms = Number.isNaN(seconds) ? Date.parse(value) - Date.now() : seconds * 1000;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
