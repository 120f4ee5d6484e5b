import type {
  clientResponse,
  clientSummary,
  clientsResponse,
  disconnectResponse,
  pastConnectionsResponse,
  registerResponse,
  topicsResponse,
  unregisterResponse,
} from '@holdfast/protocol/rest/clients';
import { type Request, change, get, path } from './request.ts';

export type Client = (typeof clientResponse)['_output'];
export type ClientSummary = (typeof clientSummary)['_output'];
type Clients = (typeof clientsResponse)['_output'];

interface ClientsQuery {
  readonly user?: string | undefined;
  /** Of a client of the own API key. */
  readonly name?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit?: number;
}

export function listClients({ limit = 50, ...query }: ClientsQuery): Request<Clients> {
  return get('/v1/clients', { ...query, limit });
}

/** @param client its ref, or its UUID */
export function readClient(client: string): Request<Client> {
  return withoutId(client, get(path`/v1/clients/${client}`));
}

export function disconnectClient(ref: string): Request<(typeof disconnectResponse)['_output']> {
  return change('POST', path`/v1/clients/${ref}/disconnect`);
}

/** @param client its ref, or its UUID */
export function unregister(client: string): Request<(typeof unregisterResponse)['_output']> {
  return withoutId(client, change('DELETE', path`/v1/clients/${client}`));
}

/** Longer than a page may be out of reach and still be the same. */
const WATCHER_EXPIRY_SECONDS = 300;

export type Registration = Request<(typeof registerResponse)['_output']>;

/** A client for the page itself, which is forgotten some minutes after it was connected for the last time. */
export function registerWatcher(topic: string): Registration {
  const name = `console-${crypto.getRandomValues(new Uint32Array(2)).join('-')}`;
  return change('POST', '/v1/clients', { name, topics: [topic], clientExpirySeconds: WATCHER_EXPIRY_SECONDS });
}

export type PastConnection = (typeof pastConnectionsResponse)['_output']['connections'][number];

export function listPastConnections(ref: string): Request<(typeof pastConnectionsResponse)['_output']> {
  return get(path`/v1/clients/${ref}/connections`);
}

type Topics = (typeof topicsResponse)['_output'];

/** A call for whoever holds the UUID: a ref is not enough. */
export function subscribeClient(clientId: string, topics: readonly string[]): Request<Topics> {
  return withoutId(clientId, change('POST', path`/v1/clients/${clientId}/topics`, { topics }));
}

export function unsubscribeClient(clientId: string, topics: readonly string[]): Request<Topics> {
  const request = change<Topics>('DELETE', path`/v1/clients/${clientId}/topics`);
  return withoutId(clientId, { ...request, query: { topics: topics.join(',') } });
}

/** The UUID is a credential. */
function withoutId<Answer>(client: string, request: Request<Answer>): Request<Answer> {
  return isUuid(client) ? { ...request, hidden: { value: client, variable: 'CLIENT_ID' } } : request;
}

export function isUuid(text: string): boolean {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text);
}

export function isRef(text: string): boolean {
  return /^[\da-f]{16}$/i.test(text);
}
