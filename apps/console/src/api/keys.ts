import type { keySummary, keysResponse } from '@holdfast/protocol/rest/keys';
import { type Request, get } from './request.ts';

export type ApiKey = (typeof keySummary)['_output'];

export function listKeys(cursor?: string): Request<(typeof keysResponse)['_output']> {
  return get('/v1/keys', { cursor, limit: 50 });
}
