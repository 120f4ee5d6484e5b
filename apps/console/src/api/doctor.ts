import { type Request, get } from './request.ts';

export type CheckStatus = 'ok' | 'warn' | 'fail';

export interface Check {
  readonly id: string;
  readonly status: CheckStatus;
  /** What was seen. */
  readonly seen: string;
  /** Why it matters. */
  readonly why: string;
  /** What to do. */
  readonly do: string;
  /** What it was seen at. */
  readonly where: string;
}

export interface Diagnosis {
  readonly status: CheckStatus;
  readonly checks: readonly Check[];
}

/** Has everything looked at; takes some seconds. */
export function diagnose(): Request<Diagnosis> {
  return get('/v1/doctor');
}
