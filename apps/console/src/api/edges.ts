import type { capacityResponse, drainResponse, edgesResponse } from '@holdfast/protocol/rest/edges';
import { type Request, change, get, path } from './request.ts';

export type Capacity = (typeof capacityResponse)['_output'];
export type Edge = (typeof edgesResponse)['_output']['edges'][number];
export type EdgeLoad = NonNullable<Edge['load']>;
type Drained = (typeof drainResponse)['_output'];

export function listEdges(): Request<(typeof edgesResponse)['_output']> {
  return get('/v1/edges');
}

export function readCapacity(): Request<Capacity> {
  return get('/v1/capacity');
}

export function drainEdge(id: string): Request<Drained> {
  return change('POST', path`/v1/edges/${id}/drain`);
}

export function undrainEdge(id: string): Request<Drained> {
  return change('POST', path`/v1/edges/${id}/undrain`);
}
