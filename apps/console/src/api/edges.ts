import type { capacityResponse, edgesResponse } from '@holdfast/protocol/rest/edges';
import { type Request, change, get, path } from './request.ts';

export type Capacity = (typeof capacityResponse)['_output'];
type ListedEdge = (typeof edgesResponse)['_output']['edges'][number];
/** What an edge tells beside what all tell; an earlier version tells less. */
export interface Edge extends ListedEdge {
  readonly version?: string | null;
  readonly load?: EdgeLoad | null;
}

export interface EdgeLoad {
  readonly host?: string;
  readonly cores?: number;
  readonly cpu?: number;
  readonly eventLoopUtilization?: number;
  readonly rssBytes?: number;
  readonly availableBytes?: number;
  readonly messagesPerSecond?: number;
  readonly deliveriesPerSecond?: number;
}

export function listEdges(): Request<{ edges: Edge[] }> {
  return get('/v1/edges');
}

export function readCapacity(): Request<Capacity> {
  return get('/v1/capacity');
}

export function drainEdge(id: string): Request<{ id: string; draining: boolean }> {
  return change('POST', path`/v1/edges/${id}/drain`);
}

export function undrainEdge(id: string): Request<{ id: string; draining: boolean }> {
  return change('POST', path`/v1/edges/${id}/undrain`);
}
