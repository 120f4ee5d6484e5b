import type {
  clientResponse,
  clientsResponse,
  disconnectResponse,
  registerResponse,
  topicsResponse,
  unregisterResponse,
} from '@holdfast/protocol/rest/clients';
import type { ClientMay } from '@holdfast/protocol/user';
import type { doctorResponse } from '@holdfast/protocol/rest/doctor';
import type { drainResponse, edgesResponse } from '@holdfast/protocol/rest/edges';
import type { NewKey, createKeyResponse, deleteKeyResponse, keysResponse } from '@holdfast/protocol/rest/keys';
import type { explainResponse } from '@holdfast/protocol/rest/explain';
import type { batchResponse, logResponse, publishResponse } from '@holdfast/protocol/rest/messages';
import type { presenceCountResponse, presenceResponse } from '@holdfast/protocol/rest/presence';
import type {
  PresenceSettings,
  deleteTopicResponse,
  topicDetailsResponse,
  topicResponse,
  topicsListResponse,
} from '@holdfast/protocol/rest/topics';
import type {
  disconnectUserResponse,
  revokeResponse,
  userResponse,
  usersResponse,
} from '@holdfast/protocol/rest/users';
import { type CallOptions, type RestOptions, createCall } from './http-call.ts';

type Answer<Schema extends { _output: unknown }> = Schema['_output'];

// Interfaces, so that declarations and editors show their names.

export interface Registration extends Answer<typeof registerResponse> {}
export interface ClientTopics extends Answer<typeof topicsResponse> {}
export interface ClientDetails extends Answer<typeof clientResponse> {}
export interface ClientPage extends Answer<typeof clientsResponse> {}
export interface Topic extends Answer<typeof topicResponse> {}
export interface TopicDetails extends Answer<typeof topicDetailsResponse> {}
export interface TopicPage extends Answer<typeof topicsListResponse> {}
export interface Published extends Answer<typeof publishResponse> {}
export interface BatchResults extends Answer<typeof batchResponse> {}
export interface LogPage extends Answer<typeof logResponse> {}
export interface UserDetails extends Answer<typeof userResponse> {}
export interface PresencePage extends Answer<typeof presenceResponse> {}
export interface Edges extends Answer<typeof edgesResponse> {}
export interface Explanation extends Answer<typeof explainResponse> {}
export interface Draining extends Answer<typeof drainResponse> {}
export interface KeyPage extends Answer<typeof keysResponse> {}
export interface CreatedKey extends Answer<typeof createKeyResponse> {}
export interface DeletedKey extends Answer<typeof deleteKeyResponse> {}
export interface DoctorReport extends Answer<typeof doctorResponse> {}

interface Unregistered extends Answer<typeof unregisterResponse> {}
interface Disconnected extends Answer<typeof disconnectResponse> {}
interface DeletedTopic extends Answer<typeof deleteTopicResponse> {}
interface UsersStatus extends Answer<typeof usersResponse> {}
interface DisconnectedUser extends Answer<typeof disconnectUserResponse> {}
interface Revoked extends Answer<typeof revokeResponse> {}
interface PresenceCounts extends Answer<typeof presenceCountResponse> {}

export interface RegisterOptions extends CallOptions {
  /** Unique within the API key. */
  name?: string | undefined;
  topics?: readonly string[] | undefined;
  /** A version 4 UUID; the server makes one otherwise. */
  clientId?: string | undefined;
  /** Public: the person, or whatever else, that several clients may belong to. */
  user?: string | undefined;
  /** Public: any JSON of at most 1 KiB. */
  info?: unknown;
  /** What it may do with its UUID, never more than the API key: patterns of topics. */
  may?: Pick<ClientMay, 'subscribe' | 'presence'> | undefined;
  /** It is forgotten when it has not been connected for so long: 60 s to ten years. */
  clientExpirySeconds?: number | undefined;
}

export interface ClientsOptions extends PageOptions {
  /** Only those of this user. */
  user?: string | undefined;
  /** Only the one of this name, of the caller's API key. */
  name?: string | undefined;
}

export interface PageOptions extends CallOptions {
  /** From the page before; `null` and absent mean the first. */
  cursor?: string | null | undefined;
  limit?: number | undefined;
}

export interface DoctorOptions extends CallOptions {
  /** Seconds for which connections are held open, to see whether a balancer ends them. */
  wait?: number | undefined;
}

export interface TopicOptions extends CallOptions {
  history?: { size?: number | undefined; seconds?: number | undefined } | undefined;
  /** Deleted when for so long nothing was published and no client was connected to it; null: never. */
  expireSeconds?: number | null | undefined;
  /** Who counts as present, and what is shown of it; null: it has no presence. */
  presence?: Partial<PresenceSettings> | null | undefined;
}

export interface RevokeOptions extends CallOptions {
  /** Tokens issued before; now when it is not given. */
  issuedBefore?: Date | undefined;
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
    register: ({ name, topics, clientId, user, info, may, clientExpirySeconds, signal }: RegisterOptions = {}) =>
      call<Registration>({
        method: 'POST',
        path: '/v1/clients',
        body: JSON.stringify({ name, topics, clientId, user, info, may, clientExpirySeconds }),
        signal,
      }),

    unregister: (clientId: string, { signal }: CallOptions = {}) =>
      call<Unregistered>({ method: 'DELETE', path: clientPath(clientId), signal }),

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
    clients: ({ cursor, limit, user, name, signal }: ClientsOptions = {}) =>
      call<ClientPage>({
        method: 'GET',
        path: '/v1/clients',
        query: { cursor: cursor ?? undefined, limit, user, name },
        signal,
      }),

    /** Takes a UUID or a `ref`. A key disconnects its own clients, one that manages `**` all. */
    disconnect: (clientId: string, { signal }: CallOptions = {}) =>
      call<Disconnected>({
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
      call<DeletedTopic>({ method: 'DELETE', path: topicPath(topic), signal }),

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

    /** Reaches every connection of the user, as topic `@user`. */
    publishToUser: (user: string, data: unknown, { idempotencyKey, raw, signal }: PublishOptions = {}) =>
      call<Published>({
        method: 'POST',
        path: `${userPath(user)}/messages`,
        body: jsonOf(data, raw),
        idempotencyKey,
        signal,
      }),

    getUser: (user: string, { signal }: CallOptions = {}) =>
      call<UserDetails>({ method: 'GET', path: userPath(user), signal }),

    /** Many at once, in the order asked for. */
    usersStatus: (users: readonly string[], { signal }: CallOptions = {}) =>
      call<UsersStatus>({
        method: 'POST',
        path: '/v1/users/status',
        body: JSON.stringify({ users }),
        signal,
      }),

    /** Ends the connections of a user; the registrations stay. */
    disconnectUser: (user: string, { signal }: CallOptions = {}) =>
      call<DisconnectedUser>({ method: 'POST', path: `${userPath(user)}/disconnect`, signal }),

    /** Tokens of the user that were issued before are refused, and their connections end. */
    revokeUser: (user: string, { issuedBefore, signal }: RevokeOptions = {}) =>
      call<Revoked>({
        method: 'POST',
        path: `${userPath(user)}/revoke`,
        body: JSON.stringify({ issuedBefore }),
        signal,
      }),

    /** A page of who is present. */
    presence: (topic: string, { cursor, limit, signal }: PageOptions = {}) =>
      call<PresencePage>({
        method: 'GET',
        path: `${topicPath(topic)}/presence`,
        query: { cursor: cursor ?? undefined, limit },
        signal,
      }),

    /** How many are present, by topic. */
    presenceCounts: (topics: readonly string[], { signal }: CallOptions = {}) =>
      call<PresenceCounts>({
        method: 'POST',
        path: '/v1/presence/count',
        body: JSON.stringify({ topics }),
        signal,
      }),

    /** One result a message, in order; one that fails does not stop the others. */
    publishBatch: (messages: readonly BatchMessage[], { signal }: CallOptions = {}) =>
      call<BatchResults>({ method: 'POST', path: '/v1/messages', body: JSON.stringify({ messages }), signal }),

    history: (topic: string, { after, limit, signal }: HistoryOptions = {}) =>
      call<LogPage>({ method: 'GET', path: `${topicPath(topic)}/messages`, query: { after, limit }, signal }),

    edges: ({ signal }: CallOptions = {}) => call<Edges>({ method: 'GET', path: '/v1/edges', signal }),

    /** Closes the connections of an edge, which takes no more until it is undrained; its process stays. */
    drainEdge: (edge: string, { signal }: CallOptions = {}) =>
      call<Draining>({ method: 'POST', path: `${edgePath(edge)}/drain`, signal }),

    undrainEdge: (edge: string, { signal }: CallOptions = {}) =>
      call<Draining>({ method: 'POST', path: `${edgePath(edge)}/undrain`, signal }),

    keys: ({ cursor, limit, signal }: PageOptions = {}) =>
      call<KeyPage>({ method: 'GET', path: '/v1/keys', query: { cursor: cursor ?? undefined, limit }, signal }),

    /** Its secret is in the answer, this once. */
    createKey: (key: NewKey, { signal }: CallOptions = {}) =>
      call<CreatedKey>({ method: 'POST', path: '/v1/keys', body: JSON.stringify(key), signal }),

    /** @param clients whether its clients are unregistered as well, which takes some seconds longer */
    deleteKey: (id: string, { clients, signal }: CallOptions & { clients?: boolean } = {}) =>
      call<DeletedKey>({
        method: 'DELETE',
        path: `/v1/keys/${encodeURIComponent(id)}`,
        query: { clients: clients === true ? 'true' : undefined },
        signal,
      }),

    doctor: ({ wait, signal }: DoctorOptions = {}) =>
      call<DoctorReport>({ method: 'GET', path: '/v1/doctor', query: { wait }, signal }),

    /** Why a client got a message, or did not. @param client its UUID or `ref` @param topic also `@me` and `@user` */
    explain: (client: string, topic: string, id: string, { signal }: CallOptions = {}) =>
      call<Explanation>({ method: 'GET', path: '/v1/explain', query: { client, topic, id }, signal }),
  };
}

function edgePath(edge: string): string {
  return `/v1/edges/${encodeURIComponent(edge)}`;
}

function clientPath(clientId: string): string {
  return `/v1/clients/${encodeURIComponent(clientId)}`;
}

function userPath(user: string): string {
  return `/v1/users/${encodeURIComponent(user)}`;
}

function topicPath(topic: string): string {
  return `/v1/topics/${encodeURIComponent(topic)}`;
}

function jsonOf(data: unknown, raw = false): string {
  const text: unknown = raw ? data : JSON.stringify(data);
  if (typeof text !== 'string') throw new TypeError('data must be a JSON value');
  return text;
}
