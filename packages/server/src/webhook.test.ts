import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { WebhookError, type WebhookRequest, verifyWebhook } from './webhook.ts';

const SECRET = `whsec_${randomBytes(32).toString('base64')}`;
const MINUTE_MS = 60_000;
/** Spaces and escapes as no serializer would write them. */
const BODY =
  '{"type":"member.joined", "timestamp":"2026-11-28T10:00:00.000Z","data":{"topic":"chat.lobby","member":{"id":"\\u0061nn","info":1.0},"count":1,"version":7}}';

/** A request as any sender of Standard Webhooks signs it. */
function request(
  body = BODY,
  { secret = SECRET, at = Date.now(), id = 'event-1' } = {},
): WebhookRequest & { headers: Headers } {
  const signature = new Webhook(secret).sign(id, new Date(at), body);
  const headers = new Headers({
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at / 1000)),
    'webhook-signature': signature,
  });
  return { headers, body, secret: SECRET };
}

function codeOf(given: WebhookRequest): string | undefined {
  try {
    verifyWebhook(given);
    return undefined;
  } catch (error) {
    if (error instanceof WebhookError) return error.code;
    throw error;
  }
}

describe('verifyWebhook', () => {
  it('gives the event of a webhook that another library signed, from its bytes, its text and headers of node:http', () => {
    const { headers, body } = request();
    const event = {
      id: 'event-1',
      type: 'member.joined',
      timestamp: '2026-11-28T10:00:00.000Z',
      data: { topic: 'chat.lobby', member: { id: 'ann', info: 1 }, count: 1, version: 7 },
    };
    const expected = { id: 'event-1', events: [event] };
    expect(verifyWebhook({ headers, body, secret: SECRET })).toEqual(expected);
    const bytes = Buffer.from(String(body));
    expect(verifyWebhook({ headers: Object.fromEntries(headers), body: bytes, secret: SECRET })).toEqual(expected);
  });

  it('gives the events of a batch, each with its own id', () => {
    const events = ['a', 'b'].map((id) => ({
      id,
      type: 'topic.occupied',
      timestamp: 'T',
      data: { topic: `news.${id}` },
    }));
    const given = request(JSON.stringify({ type: 'batch', timestamp: 'T', data: { events } }), { id: 'batch-1' });
    expect(verifyWebhook(given)).toEqual({ id: 'batch-1', events });
    expect(codeOf(request('{"type":"batch","data":{}}'))).toBe('malformed');
  });

  it('refuses a body, an id and a time that were changed, and JSON that was written anew', () => {
    const given = request();
    expect(codeOf(given)).toBeUndefined();
    expect(codeOf({ ...given, body: JSON.stringify(JSON.parse(BODY)) })).toBe('signature');
    expect(codeOf({ ...given, body: `${BODY} ` })).toBe('signature');
    for (const [name, value] of [
      ['webhook-id', 'event-2'],
      ['webhook-timestamp', String(Math.floor(Date.now() / 1000) + 1)],
      ['webhook-signature', 'v1,AAAA'],
      ['webhook-signature', given.headers.get('webhook-signature')?.replace('v1,', 'v2,') ?? ''],
    ] as const) {
      const headers = new Headers(given.headers);
      headers.set(name, value);
      expect(codeOf({ ...given, headers })).toBe('signature');
    }
    expect(codeOf({ ...given, headers: {} })).toBe('malformed');
    expect(codeOf(request('not JSON'))).toBe('malformed');
  });

  it('refuses one that is more than five minutes old, or from as far in the future', () => {
    const codes = [-5.1, -4.9, 4.9, 5.1].map((minutes) => {
      return codeOf(request(BODY, { at: Date.now() + minutes * MINUTE_MS }));
    });
    expect(codes).toEqual(['timestamp', undefined, undefined, 'timestamp']);
  });

  it('takes either secret while one is being changed, on both sides', () => {
    const old = `whsec_${randomBytes(24).toString('base64')}`;
    const given = request(BODY, { secret: old });
    expect(codeOf(given)).toBe('signature');
    expect(codeOf({ ...given, secret: [SECRET, old] })).toBeUndefined();
    const headers = new Headers(given.headers);
    const fresh = request();
    headers.set(
      'webhook-signature',
      `${given.headers.get('webhook-signature')} ${fresh.headers.get('webhook-signature')}`,
    );
    expect(codeOf({ ...given, headers })).toBeUndefined();
    expect(() => verifyWebhook({ ...given, secret: 'whsec_' })).toThrow(TypeError);
    expect(() => verifyWebhook({ ...given, secret: 'a password' })).toThrow(TypeError);
  });
});
