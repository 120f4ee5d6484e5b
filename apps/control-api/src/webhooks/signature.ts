import { createHmac } from 'node:crypto';
import { secretBytes } from '@holdfast/protocol/webhooks-file';

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
