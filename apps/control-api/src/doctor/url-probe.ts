import { randomBytes, randomUUID } from 'node:crypto';
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { CONNECT_PATH } from '@holdfast/protocol/version';
import { reasonOf } from '@holdfast/service/error-fields';

/** A handshake takes milliseconds; who waits longer has something else to see to. */
const PATIENCE_MS = 3_000;
const KEY_BYTES = 16;
/** Far more than a problem document has. */
const MAX_BODY_BYTES = 64 * 1024;

/** How a handshake of a client that does not exist was answered. */
export interface UrlProbe {
  readonly url: string;
  readonly outcome:
    | { readonly kind: 'answered'; readonly status: number; readonly code: string | null }
    | { readonly kind: 'failed'; readonly reason: string };
}

/** What became of a connection that was left alone. */
export interface HeldConnection {
  readonly url: string;
  readonly outcome:
    | { readonly kind: 'open'; readonly ms: number }
    | { readonly kind: 'closed'; readonly ms: number; readonly code: number }
    | { readonly kind: 'not-held'; readonly reason: string };
}

const CALLED_OFF: HeldConnection['outcome'] = { kind: 'not-held', reason: 'the call ended before' };

/** Shakes hands as a client that does not exist: an edge answers 403, and everything between has passed it on. */
export async function probeUrl(url: string, patienceMs = PATIENCE_MS): Promise<UrlProbe> {
  try {
    const { statusCode = 0, body } = await handshake(connectUrl(url, randomUUID()), patienceMs);
    return { url, outcome: { kind: 'answered', status: statusCode, code: codeIn(body) } };
  } catch (error) {
    return { url, outcome: { kind: 'failed', reason: reasonOf(error) } };
  }
}

/**
 * Opens a connection of a client, and leaves it alone for a time. Pings of the edge are answered, as every WebSocket
 * client does.
 */
export async function holdOpen(
  url: string,
  clientId: string,
  ms: number,
  signal: AbortSignal,
): Promise<HeldConnection> {
  if (signal.aborted) return { url, outcome: CALLED_OFF };
  const socket = new WebSocket(connectUrl(url, clientId));
  const end = Promise.withResolvers<HeldConnection['outcome']>();
  let openedAt: number | null = null;
  let timer = setTimeout(() => end.resolve({ kind: 'not-held', reason: 'it was not opened in time' }), PATIENCE_MS);
  socket.addEventListener('open', () => {
    const begun = performance.now();
    openedAt = begun;
    clearTimeout(timer);
    timer = setTimeout(() => end.resolve({ kind: 'open', ms: performance.now() - begun }), ms);
  });
  socket.addEventListener('close', ({ code }) => {
    if (openedAt === null) end.resolve({ kind: 'not-held', reason: 'it could not be opened' });
    else end.resolve({ kind: 'closed', ms: performance.now() - openedAt, code });
  });
  const onAbort = (): void => end.resolve(CALLED_OFF);
  signal.addEventListener('abort', onAbort, { once: true });
  const outcome = await end.promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', onAbort);
  socket.close();
  return { url, outcome };
}

/** As the client library makes it. */
function connectUrl(url: string, clientId: string): URL {
  const target = new URL(url);
  target.pathname = target.pathname.replace(/\/+$/, '') + CONNECT_PATH;
  target.searchParams.set('client', clientId);
  return target;
}

function handshake(url: URL, patienceMs: number): Promise<{ statusCode: number | undefined; body: string }> {
  const secure = url.protocol === 'wss:';
  const target = new URL(url.href.replace(/^ws/, 'http'));
  const answered = Promise.withResolvers<{ statusCode: number | undefined; body: string }>();
  const request: ClientRequest = (secure ? httpsRequest : httpRequest)(target, {
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': randomBytes(KEY_BYTES).toString('base64'),
    },
    signal: AbortSignal.timeout(patienceMs),
    agent: false,
  });
  request.on('response', (response: IncomingMessage) => {
    bodyOf(response).then((body) => answered.resolve({ statusCode: response.statusCode, body }), answered.reject);
  });
  request.on('upgrade', (response: IncomingMessage, socket) => {
    socket.destroy();
    answered.resolve({ statusCode: response.statusCode, body: '' });
  });
  request.on('error', answered.reject);
  request.end();
  return answered.promise;
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** The code of a problem document; null for any other answer. */
function codeIn(body: string): string | null {
  try {
    const { code } = JSON.parse(body) as { code?: unknown };
    return typeof code === 'string' ? code : null;
  } catch {
    return null;
  }
}
