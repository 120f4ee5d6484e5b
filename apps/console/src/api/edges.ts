import type { capacityResponse, edgesResponse } from '@holdfast/protocol/rest/edges';
import { type Request, change, get, path } from './request.ts';

export type Capacity = (typeof capacityResponse)['_output'];
type ListedEdge = (typeof edgesResponse)['_output']['edges'][number];

/** As listed. Edges of an earlier version report less, or no load at all. */
export interface Edge extends Pick<
  ListedEdge,
  'id' | 'url' | 'connections' | 'maxConnections' | 'draining' | 'startedAt'
> {
  readonly leaving?: boolean | undefined;
  readonly version?: string | undefined;
  readonly pid?: number | undefined;
  readonly worker?: boolean | undefined;
  readonly maxOpenFiles?: number | null | undefined;
  readonly origins?: 'any' | 'listed' | 'not-set' | undefined;
  readonly load?: EdgeLoad | null | undefined;
}

export type EdgeLoad = NonNullable<Capacity['edges'][number]['load']> & {
  readonly bytesPerSecond?: number | undefined;
  readonly handshakesPerSecond?: number | undefined;
  readonly refusalsPerSecond?: number | undefined;
  readonly refusals?: number | undefined;
  readonly lostAnnounced?: number | undefined;
  readonly probeSilenceMs?: number | undefined;
  readonly probeLatencyMs?: number | undefined;
  readonly eventLoopDelayMs?: number | undefined;
  readonly openFiles?: number | undefined;
  readonly clockDifferenceMs?: number | undefined;
};

export function listEdges(): Request<{ edges: Edge[] }> {
  return get('/v1/edges');
}

export function readCapacity(): Request<Capacity> {
  return get('/v1/capacity');
}

interface Drained {
  readonly id: string;
  readonly draining: boolean;
}

export function drainEdge(id: string): Request<Drained> {
  return change('POST', path`/v1/edges/${id}/drain`);
}

export function undrainEdge(id: string): Request<Drained> {
  return change('POST', path`/v1/edges/${id}/undrain`);
}
