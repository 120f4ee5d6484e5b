import type { ownKeyResponse } from '@holdfast/protocol/rest/own-key';
import { type Request, get } from './request.ts';

export type OwnKey = (typeof ownKeyResponse)['_output'];

/** What the presented key may. */
export function readOwnKey(): Request<OwnKey> {
  return get('/v1/key');
}
