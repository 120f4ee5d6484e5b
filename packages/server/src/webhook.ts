import { createHmac, timingSafeEqual } from 'node:crypto';
import type { EventData, EventType } from '@holdfast/protocol/events';

/** Standard Webhooks 1.0: how far the clock of the sender may be from ours, either way. */
const TOLERANCE_SECONDS = 300;
const SECRET_PREFIX = 'whsec_';
const SCHEME = 'v1,';

/** `signature`: it is not from Holdfast, or was changed. `timestamp`: it is too old or too new. `malformed`: it is no webhook. */
export type WebhookErrorCode = 'signature' | 'timestamp' | 'malformed';

/** A request that must not be believed: answer it with 400. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError';
  readonly code: WebhookErrorCode;

  constructor(code: WebhookErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface WebhookRequest {
  /** Of the request: a `Headers`, or an object of lower-case names, as `node:http` has it. */
  headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The body as it came, before anything parsed it: JSON that was written anew has another signature. */
  body: string | Uint8Array;
  /** That of the endpoint, `whsec_…`; several while it is being changed. */
  secret: string | readonly string[];
}

interface EventOf<Type extends EventType> {
  /** The same when it is sent again: an event that was dealt with is known by it. */
  id: string;
  type: Type;
  /** When it happened, RFC 3339. */
  timestamp: string;
  data: EventData[Type];
}

export type WebhookEvent = { [Type in EventType]: EventOf<Type> }[EventType];

export interface Webhook {
  /** The same on every try. */
  id: string;
  /** In order; one, or those of a batch. */
  events: WebhookEvent[];
}

/**
 * Verifies a webhook (Standard Webhooks 1.0) and gives its events. Raises WebhookError for one that must not be believed,
 * and TypeError for a secret that is none.
 */
export function verifyWebhook({ headers, body, secret }: WebhookRequest): Webhook {
  const id = header(headers, 'webhook-id');
  const timestamp = header(headers, 'webhook-timestamp');
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const expected = [secret].flat().map((each) => {
    const hmac = createHmac('sha256', secretBytes(each));
    return hmac.update(`${id}.${timestamp}.`).update(bytes).digest();
  });
  const given = header(headers, 'webhook-signature')
    .split(' ')
    .filter((each) => each.startsWith(SCHEME));
  // All are compared, so that the time tells nothing.
  const matches = given.flatMap((each) => {
    const signature = Buffer.from(each.slice(SCHEME.length), 'base64');
    return expected.filter((one) => one.length === signature.length && timingSafeEqual(one, signature));
  });
  if (matches.length === 0) throw new WebhookError('signature', 'no signature is right');
  if (!/^\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) {
    throw new WebhookError('timestamp', `it is not from the last ${TOLERANCE_SECONDS} s`);
  }
  return { id, events: eventsOf(id, Buffer.from(bytes).toString()) };
}

function secretBytes(secret: string): Buffer {
  const bytes = Buffer.from(secret.replace(SECRET_PREFIX, ''), 'base64');
  if (!secret.startsWith(SECRET_PREFIX) || bytes.length === 0) throw new TypeError('a secret is whsec_ and base64');
  return bytes;
}

function header(headers: WebhookRequest['headers'], name: string): string {
  const value = isHeaders(headers) ? headers.get(name) : headers[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new WebhookError('malformed', `the header ${name} is missing`);
}

/** Of whatever realm or library. */
function isHeaders(headers: WebhookRequest['headers']): headers is Headers {
  return typeof headers['get'] === 'function';
}

function eventsOf(id: string, text: string): WebhookEvent[] {
  let body: { type?: unknown; data?: { events?: unknown } } | null;
  try {
    body = JSON.parse(text) as typeof body;
  } catch (cause) {
    throw new WebhookError('malformed', 'the body is not JSON', { cause });
  }
  if (body?.type !== 'batch') return [{ id, ...body } as WebhookEvent];
  const events = body.data?.events;
  if (!Array.isArray(events)) throw new WebhookError('malformed', 'a batch without events');
  return events as WebhookEvent[];
}
