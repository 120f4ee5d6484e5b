import { type Request, get } from './request.ts';

export type Verdict =
  | 'delivered'
  | 'delivered-on-resume'
  | 'told-lost'
  | 'not-registered-then'
  | 'not-subscribed-then'
  | 'subscription-ended-before'
  | 'no-such-message'
  | 'offline-will-resume'
  | 'catching-up'
  | 'expired-from-history'
  | 'unknown';

export interface Finding {
  /** RFC 3339; null: it has no time. */
  readonly at: string | null;
  /** Where it was found. */
  readonly source: string;
  readonly text: string;
}

export interface Explanation {
  readonly verdict: Verdict;
  readonly evidence: readonly Finding[];
}

/**
 * Why a client got a message, or did not.
 * @param client its ref, or its UUID
 */
export function explain(client: string, topic: string, id: string): Request<Explanation> {
  return get('/v1/explain', { client, topic, id });
}
