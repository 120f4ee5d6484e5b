import type { Verdict, explainResponse } from '@holdfast/protocol/rest/explain';
import { type Request, get } from './request.ts';

export type { Verdict };
export type Explanation = (typeof explainResponse)['_output'];
export type Finding = Explanation['evidence'][number];

/**
 * Why a client got a message, or did not.
 * @param client its ref, or its UUID
 */
export function explain(client: string, topic: string, id: string): Request<Explanation> {
  return get('/v1/explain', { client, topic, id });
}
