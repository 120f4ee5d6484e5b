import type {
  clientResponse,
  clientsResponse,
  disconnectResponse,
  registerResponse,
  topicsResponse,
  unregisterResponse,
} from '@holdfast/protocol/rest/clients';
import type { edgesResponse } from '@holdfast/protocol/rest/edges';
import type { batchResponse, logResponse, publishResponse } from '@holdfast/protocol/rest/messages';
import type {
  PresenceSettings,
  deleteTopicResponse,
  topicDetailsResponse,
  topicResponse,
  topicsListResponse,
} from '@holdfast/protocol/rest/topics';
import { type CallOptions, type RestOptions, createCall } from './http-call.ts';

type Answer<Schema extends { _output: unknown }> = Schema['_output'];

export type Registration = Answer<typeof registerResponse>;
export type ClientTopics = Answer<typeof topicsResponse>;
export type ClientDetails = Answer<typeof clientResponse>;
export type ClientPage = Answer<typeof clientsResponse>;
export type Topic = Answer<typeof topicResponse>;
export type TopicDetails = Answer<typeof topicDetailsResponse>;
export type TopicPage = Answer<typeof topicsListResponse>;
export type Published = Answer<typeof publishResponse>;
export type BatchResults = Answer<typeof batchResponse>;
export type LogPage = Answer<typeof logResponse>;
export type Edges = Answer<typeof edgesResponse>;

export interface RegisterOptions extends CallOptions {
  /** Unique within the API key. */
  name?: string | undefined;
  topics?: readonly string[] | undefined;
  /** A version 4 UUID; the server makes one otherwise. */
  clientId?: string | undefined;
}

export interface PageOptions extends CallOptions {
  /** From the page before; `null` and absent mean the first. */
  cursor?: string | null | undefined;
  limit?: number | undefined;
}

export interface TopicOptions extends CallOptions {
  history?: { size?: number | undefined; seconds?: number | undefined } | undefined;
  /** Deleted when for so long nothing was published and no client was connected to it; null: never. */
  expireSeconds?: number | null | undefined;
  /** Who counts as present, and what is shown of it; null: it has no presence. */
  presence?: Partial<PresenceSettings> | null | undefined;
}

export interface PublishOptions extends CallOptions {
  /** The same key within five minutes publishes nothing and gives the same id. */
  idempotencyKey?: string | undefined;
  /** `data` is JSON text already and goes out as it is; otherwise it is turned into JSON. */
  raw?: boolean | undefined;
}

export interface BatchMessage {
  topics: readonly string[];
  data: unknown;
  idempotencyKey?: string | undefined;
}

export interface HistoryOptions extends CallOptions {
  /** The position to start after; the oldest message otherwise. */
  after?: string | undefined;
  limit?: number | undefined;
}

export type Rest = ReturnType<typeof createRest>;

/** The calls of the control API. Each gives the answer's body, or rejects with a HoldfastError or its signal's reason. */
export function createRest(options: RestOptions) {
  const call = createCall(options);
  return {
    register: ({ name, topics, clientId, signal }: RegisterOptions = {}) =>
      call<Registration>({
        method: 'POST',
        path: '/v1/clients',
        body: JSON.stringify({ name, topics, clientId }),
        signal,
      }),

    unregister: (clientId: string, { signal }: CallOptions = {}) =>
      call<Answer<typeof unregisterResponse>>({ method: 'DELETE', path: clientPath(clientId), signal }),

    subscribe: (clientId: string, topics: readonly string[], { signal }: CallOptions = {}) =>
      call<ClientTopics>({
        method: 'POST',
        path: `${clientPath(clientId)}/topics`,
        body: JSON.stringify({ topics }),
        signal,
      }),

    unsubscribe: (clientId: string, topics: readonly string[], { signal }: CallOptions = {}) =>
      call<ClientTopics>({
        method: 'DELETE',
        path: `${clientPath(clientId)}/topics`,
        body: JSON.stringify({ topics }),
        signal,
      }),

    getClient: (clientId: string, { signal }: CallOptions = {}) =>
      call<ClientDetails>({ method: 'GET', path: clientPath(clientId), signal }),

    /** By `ref`; with the UUIDs of those of the own key. */
    clients: ({ cursor, limit, signal }: PageOptions = {}) =>
      call<ClientPage>({
        method: 'GET',
        path: '/v1/clients',
        query: { cursor: cursor ?? undefined, limit },
        signal,
      }),

    /** Takes a UUID or a `ref`. A key disconnects its own clients, one that manages `**` all. */
    disconnect: (clientId: string, { signal }: CallOptions = {}) =>
      call<Answer<typeof disconnectResponse>>({
        method: 'POST',
        path: `${clientPath(clientId)}/disconnect`,
        signal,
      }),

    createTopic: (topic: string, { history, expireSeconds, presence, signal }: TopicOptions = {}) =>
      call<Topic>({
        method: 'PUT',
        path: topicPath(topic),
        body: JSON.stringify({ history, expireSeconds, presence }),
        signal,
      }),

    deleteTopic: (topic: string, { signal }: CallOptions = {}) =>
      call<Answer<typeof deleteTopicResponse>>({ method: 'DELETE', path: topicPath(topic), signal }),

    getTopic: (topic: string, { signal }: CallOptions = {}) =>
      call<TopicDetails>({ method: 'GET', path: topicPath(topic), signal }),

    topics: ({ cursor, limit, signal }: PageOptions = {}) =>
      call<TopicPage>({ method: 'GET', path: '/v1/topics', query: { cursor: cursor ?? undefined, limit }, signal }),

    /** After `unreachable` the message may be published or not: with an idempotency key the call can be repeated safely. */
    publish: (topic: string, data: unknown, { idempotencyKey, raw, signal }: PublishOptions = {}) =>
      call<Published>({
        method: 'POST',
        path: `${topicPath(topic)}/messages`,
        body: jsonOf(data, raw),
        idempotencyKey,
        signal,
      }),

    /** Reaches that client alone, as topic `@me`. */
    publishToClient: (clientId: string, data: unknown, { idempotencyKey, raw, signal }: PublishOptions = {}) =>
      call<Published>({
        method: 'POST',
        path: `${clientPath(clientId)}/messages`,
        body: jsonOf(data, raw),
        idempotencyKey,
        signal,
      }),

    /** One result a message, in order; one that fails does not stop the others. */
    publishBatch: (messages: readonly BatchMessage[], { signal }: CallOptions = {}) =>
      call<BatchResults>({ method: 'POST', path: '/v1/messages', body: JSON.stringify({ messages }), signal }),

    history: (topic: string, { after, limit, signal }: HistoryOptions = {}) =>
      call<LogPage>({ method: 'GET', path: `${topicPath(topic)}/messages`, query: { after, limit }, signal }),

    edges: ({ signal }: CallOptions = {}) => call<Edges>({ method: 'GET', path: '/v1/edges', signal }),
  };
}

function clientPath(clientId: string): string {
  return `/v1/clients/${encodeURIComponent(clientId)}`;
}

function topicPath(topic: string): string {
  return `/v1/topics/${encodeURIComponent(topic)}`;
}

function jsonOf(data: unknown, raw = false): string {
  const text: unknown = raw ? data : JSON.stringify(data);
  if (typeof text !== 'string') throw new TypeError('data must be a JSON value');
  return text;
}
