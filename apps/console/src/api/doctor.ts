import type { doctorCheck, doctorResponse } from '@holdfast/protocol/rest/doctor';
import { type Request, get } from './request.ts';

export type Check = (typeof doctorCheck)['_output'];
export type Diagnosis = (typeof doctorResponse)['_output'];

/** Has everything looked at; takes some seconds. */
export function diagnose(): Request<Diagnosis> {
  return get('/v1/doctor');
}
