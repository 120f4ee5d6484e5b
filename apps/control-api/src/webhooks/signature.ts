import { createHmac } from 'node:crypto';
import type { PusherApp } from '@holdfast/protocol/pusher-app';
import { type WebhookEndpoint, secretBytes } from '@holdfast/protocol/webhooks-file';
import { bodySignature } from '@holdfast/pusher/signatures';

/** The headers that sign a request, made for each try. */
export type Sign = (id: string, body: Buffer) => Record<string, string>;

/** The app of the keys file with this id. */
export type FindApp = (appId: string) => Pick<PusherApp, 'key' | 'secret'> | null;

/** How requests to an endpoint are signed; null: no API key has its app. */
export function signerOf(endpoint: WebhookEndpoint, findApp: FindApp): Sign | null {
  if (endpoint.format === 'standard') return (id, body) => signedHeaders(id, body, endpoint.secrets);
  const app = findApp(endpoint.app);
  return app && ((id, body) => pusherHeaders(id, body, app));
}

/** The headers of Pusher's webhooks, and the id that is the same on every try. */
function pusherHeaders(id: string, body: Buffer, { key, secret }: Pick<PusherApp, 'key' | 'secret'>) {
  return { 'webhook-id': id, 'x-pusher-key': key, 'x-pusher-signature': bodySignature(secret, body) };
}

/**
 * The headers by which a receiver knows a request as ours (Standard Webhooks 1.0.0).
 * @param id of the event or batch: the same on every try
 * @param body exactly what is sent
 * @param secrets each signs, so that a receiver may have any of them
 */
export function signedHeaders(
  id: string,
  body: Buffer,
  secrets: readonly string[],
  now = Date.now(),
): Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string> {
  const timestamp = String(Math.floor(now / 1000));
  const signatures = secrets.map((secret) => {
    const hmac = createHmac('sha256', secretBytes(secret) ?? '');
    return `v1,${hmac.update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
