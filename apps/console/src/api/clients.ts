import type { registerResponse, unregisterResponse } from '@holdfast/protocol/rest/clients';
import { type Request, change, path } from './request.ts';

/** Longer than a page may be out of reach and still be the same. */
const WATCHER_EXPIRY_SECONDS = 300;

export type Registration = Request<(typeof registerResponse)['_output']>;

/** A client for the page itself, which is forgotten some minutes after it was connected for the last time. */
export function registerWatcher(topic: string): Registration {
  const name = `console-${crypto.getRandomValues(new Uint32Array(2)).join('-')}`;
  return change('POST', '/v1/clients', { name, topics: [topic], clientExpirySeconds: WATCHER_EXPIRY_SECONDS });
}

export function unregister(client: string): Request<(typeof unregisterResponse)['_output']> {
  return change('DELETE', path`/v1/clients/${client}`);
}
