import { type IncomingMessage, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { WebhookOutcome } from '@holdfast/protocol/rest/webhooks';
import { reasonOf } from '@holdfast/service/error-fields';
import { AddressNotAllowed, guardedLookup, isForbiddenHost, unguardedLookup } from './address-guard.ts';
import { retryAfterOf } from './retries.ts';
import type { Sign } from './signature.ts';

/** For the whole of a request, from the name's lookup to the end of the answer. */
const TIMEOUT_MS = 15_000;
const MAX_ANSWER_BYTES = 64 * 1024;
/** Connections are kept for as long as receivers commonly keep them. */
const IDLE_MS = 4_000;

const GONE = 410;

/** What became of one request. */
export interface SendResult {
  readonly outcome: WebhookOutcome;
  /** null: there was no answer. */
  readonly status: number | null;
  /** The beginning of the answer; null when there was none. */
  readonly body: string | null;
  /** Why there was none, or what it says; for people. */
  readonly message: string;
  /** The `Retry-After` of an answer that is no success. */
  readonly retryAfterMs: number | null;
}

/** What is sent. */
export interface Outgoing {
  readonly id: string;
  readonly body: Buffer;
  /** Of the span of this request, if it is traced. */
  readonly traceparent?: string | undefined;
}

/** Where it is sent to, and how it is signed. */
export interface Receiver {
  readonly url: string;
  readonly sign: Sign;
}

export interface SenderOptions {
  readonly allowPrivate: boolean;
  readonly timeoutMs?: number;
  /** What names resolve to, for tests; judged as ever. */
  readonly lookup?: LookupFunction;
}

export type Sender = ReturnType<typeof createSender>;

/** Sends requests to receivers. No redirect is followed. */
export function createSender({ allowPrivate, timeoutMs = TIMEOUT_MS, lookup }: SenderOptions) {
  const connecting = { lookup: lookup ?? (allowPrivate ? unguardedLookup() : guardedLookup()) };
  const options = { keepAlive: true, timeout: IDLE_MS, scheduling: 'lifo', ...connecting } as const;
  const agents = { 'http:': new HttpAgent(options), 'https:': new HttpsAgent(options) };

  /**
   * One request. Never rejects.
   * @param signal ends it; then it is not known whether it arrived
   */
  async function send(
    { url, sign }: Receiver,
    { id, body, traceparent }: Outgoing,
    signal?: AbortSignal,
  ): Promise<SendResult> {
    const target = new URL(url);
    if (!allowPrivate && target.protocol !== 'https:') return failure('address-not-allowed', 'it is no https:// URL');
    // Nothing is looked up for an address.
    if (!allowPrivate && isForbiddenHost(target.hostname)) {
      return failure('address-not-allowed', new AddressNotAllowed(target.hostname, target.hostname).message);
    }
    const deadline = AbortSignal.timeout(timeoutMs);
    const signals = signal === undefined ? [deadline] : [deadline, signal];
    try {
      const attempt = () => post(target, body, { ...sign(id, body), ...(traceparent && { traceparent }) }, signals);
      return judge(await attempt().catch((error: unknown) => (isStale(error) ? attempt() : Promise.reject(error))));
    } catch (error) {
      if (deadline.aborted) return failure('time-out', `no answer within ${timeoutMs} ms`);
      if (error instanceof AddressNotAllowed) return failure('address-not-allowed', error.message);
      return failure('unreachable', reasonOf(error));
    }
  }

  function post(
    target: URL,
    body: Buffer,
    given: Record<string, string>,
    signals: AbortSignal[],
  ): Promise<{ response: IncomingMessage; text: string }> {
    const isTls = target.protocol === 'https:';
    const headers = {
      ...given,
      // Exactly that: a library of Pusher takes no other, such as one that names a charset.
      'content-type': 'application/json',
      'content-length': body.length,
      'user-agent': 'Holdfast',
      accept: '*/*',
    };
    const signal = AbortSignal.any(signals);
    return new Promise((resolve, reject) => {
      const request = (isTls ? httpsRequest : httpRequest)(target, {
        method: 'POST',
        headers,
        agent: isTls ? agents['https:'] : agents['http:'],
        signal,
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        reject(request.reusedSocket && error.code === 'ECONNRESET' ? new StaleConnection(error) : error);
      });
      let hasAnswer = false;
      request.on('upgrade', (response, socket) => {
        hasAnswer = true;
        socket.destroy();
        resolve({ response, text: '' });
      });
      // Whatever an endpoint does, a request that ends without an answer has failed.
      request.on('close', () => {
        if (!hasAnswer) reject(new Error('the connection ended without an answer'));
      });
      request.on('response', (response) => {
        hasAnswer = true;
        readAnswer(response).then((text) => resolve({ response, text }), reject);
      });
      request.end(body);
    });
  }

  return {
    send,
    close: (): void => {
      agents['http:'].destroy();
      agents['https:'].destroy();
    },
  };
}

/** A connection that was kept, and that the receiver had closed by then: the request is sent again at once. */
class StaleConnection extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
    this.name = 'StaleConnection';
  }
}

function isStale(error: unknown): boolean {
  return error instanceof StaleConnection;
}

/** The answer up to its bound; what is longer ends its connection. */
async function readAnswer(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    const part = chunk as Buffer;
    chunks.push(part);
    bytes += part.length;
    // Leaving the loop destroys the response.
    if (bytes >= MAX_ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, MAX_ANSWER_BYTES);
}

function judge({ response, text }: { response: IncomingMessage; text: string }): SendResult {
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) {
    return { outcome: 'delivered', status, body: text, message: `answered ${status}`, retryAfterMs: null };
  }
  const isRedirect = status >= 300 && status < 400;
  return {
    outcome: status === GONE ? 'gone' : 'refused',
    status,
    body: text,
    message: `answered ${status}${isRedirect ? ', and redirects are not followed' : ''}`,
    retryAfterMs: retryAfterOf(response.headers['retry-after']),
  };
}

export function failure(outcome: WebhookOutcome, message: string): SendResult {
  return { outcome, status: null, body: null, message, retryAfterMs: null };
}
