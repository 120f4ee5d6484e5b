import { bodyDigest, requestSignature } from '@holdfast/pusher/signatures';
import type { Settings } from '../generator.ts';

/** The app that servers of the Pusher protocol are given. */
export const APP = { appId: 'bench', key: 'bench-key', secret: 'bench-secret' } as const;

const SUBSCRIBE = '{"event":"pusher:subscribe","data":{"auth":"","channel":"%t"}}';

/** As pusher-js: it subscribes once the server has spoken, to public channels, which need no signature. */
export const PUSHER_SETTINGS: Settings = [
  ['path', `/app/${APP.key}?protocol=7&client=js&version=8.6.0&flash=false`],
  ['hello-after', '"pusher:connection_established"'],
  ['hello', SUBSCRIBE],
  ['ready', '"pusher_internal:subscription_succeeded"'],
  ['reply-to', '{"event":"pusher:ping","data":{}}'],
  ['reply', '{"event":"pusher:pong","data":{}}'],
];

/** A signed call that publishes: its path with the query, and its body. `data` is JSON text. */
export function publishCall(channel: string, data: string): { path: string; body: string } {
  return signed('/events', JSON.stringify({ name: 'bench', data, channel }));
}

/** The most messages of one {@link batchCall}, by the protocol. */
export const PUSHER_BATCH = 10;

/** Several at once, in order. */
export function batchCall(messages: readonly { channel: string; data: string }[]): { path: string; body: string } {
  const batch = messages.map(({ channel, data }) => ({ name: 'bench', data, channel }));
  return signed('/batch_events', JSON.stringify({ batch }));
}

function signed(suffix: string, body: string): { path: string; body: string } {
  const path = `/apps/${APP.appId}${suffix}`;
  const query = new Map([
    ['auth_key', APP.key],
    ['auth_timestamp', String(Math.floor(Date.now() / 1000))],
    ['auth_version', '1.0'],
    ['body_md5', bodyDigest(Buffer.from(body))],
  ]);
  query.set('auth_signature', requestSignature(APP.secret, { method: 'POST', path, query }));
  return { path: `${path}?${new URLSearchParams([...query]).toString()}`, body };
}
