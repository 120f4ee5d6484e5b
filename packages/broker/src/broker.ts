import type { DisconnectReason } from '@holdfast/protocol/events';
import type { Position } from '@holdfast/protocol/position-order';
import type { KeyUsage } from './api-keys/usage.ts';
import type { ClientIdentity, ClientToken } from './clients/identity.ts';
import type { ClientState, SubscriptionStart } from './clients/state.ts';
import type { DrainOutcome, DrainRequest, EdgeDetails, LeaseRenewal } from './edges/state.ts';
import type { ConnectionEnd, ConnectionStory, EndedSubscription, PastConnection } from './evidence/past.ts';
import type {
  PresenceChange,
  PresenceCheck,
  PresenceOfEdge,
  PresenceOutcome,
  PresenceSnapshot,
  PresenceVersion,
  PresentMember,
} from './presence/state.ts';
import type { LogPage, TopicState } from './topics/state.ts';

export type { KeyUsage } from './api-keys/usage.ts';

/**
 * The interfaces to everything that Holdfast keeps in Redis. Each comment is a promise that the tests hold.
 * Every function rejects with `RedisUnavailable` when Redis does not answer; whether a write then took place is unknown.
 * On a Cluster it may be one node that does not: what has to do with the others goes on.
 */

export interface NewClient {
  clientId: string;
  key: string;
  name: string | null;
  registeredAt: number;
  topics: ReadonlyMap<string, SubscriptionStart>;
  /** Nothing is known of it when not given. */
  identity?: ClientIdentity;
}

export type RegisterOutcome = 'registered' | 'client-exists' | 'name-taken' | 'quota-reached';

export interface TopicChange {
  /** Topics to add, each with the start of the subscription. One that is there already keeps its own. */
  add?: ReadonlyMap<string, SubscriptionStart>;
  remove?: readonly string[];
  /**
   * The last position of removed topics. What was subscribed and removed again before the edge looked is still delivered
   * up to there; without it nothing is.
   */
  endsAt?: ReadonlyMap<string, Position>;
  /** Subscriptions to topics that exist no more: dropped if they still have the start given. */
  stale?: ReadonlyMap<string, SubscriptionStart>;
}

export type ChangeOutcome = { kind: 'changed'; client: ClientState } | { kind: 'not-found' } | { kind: 'too-many' };

/** What a further token makes of a client that was registered with one. */
export interface Renewal {
  /** Of the same user: a client keeps the one it was registered with. */
  identity: ClientIdentity & { token: ClientToken };
  /** All topics of the token, each with the start of the subscription. One that is there already keeps its own. */
  topics: ReadonlyMap<string, SubscriptionStart>;
  /** Where subscriptions end to topics of the token before that are not in this one; as of a `TopicChange`. */
  endsAt: ReadonlyMap<string, Position>;
  /** As of a `TopicChange`. */
  stale?: ReadonlyMap<string, SubscriptionStart>;
}

export interface Page<T> {
  items: T[];
  /** Where the next page begins; null at the end. */
  cursor: string | null;
}

/**
 * Users: what clients that belong together are called by. A user is there as long as one of its clients is; it has a topic
 * of its own, to which each of them is subscribed.
 */
export interface Users {
  /** Its clients in the order of ids; `cursor` is the last id of the page before. */
  listClientsOf(user: string, cursor: string | null, limit: number): Promise<Page<ClientState>>;
  /** How many registered clients each user has, in the order given. */
  countClientsOf(users: readonly string[]): Promise<number[]>;
  /** Publishes on the user's own topic; `not-found` when the user has no client. */
  publishToUser(user: string, message: NewMessage, traceparent?: string): Promise<PublishOutcome>;
  /**
   * Refuses tokens of a user from now on that were issued before a time (ms), for as long as one may be valid.
   * @param keys the API keys whose tokens are meant; null: all
   */
  revokeTokens(user: string, keys: readonly string[] | null, issuedBefore: number, forSeconds: number): Promise<void>;
  /** Tokens of this user and API key that were issued before this time are revoked (ms); 0 for none. */
  revokedBefore(user: string, key: string): Promise<number>;
  /** Makes these clients again ones of their users that a fail-over has parted from them. Gives how many those were. */
  restoreUsers(clients: readonly ClientState[]): Promise<number>;
  /** Ends the authorization of a client whose token was issued before a time (ms). False when it was not. */
  revokeClient(clientId: string, issuedBefore: number): Promise<boolean>;
}

/** Called with what is kept of a client's token, before the client is changed; its topics are left out. */
export type TokenCheck = (token: ClientToken | null) => void;

/** Registered clients and their subscriptions. */
export interface Clients {
  /**
   * Creates the client with its subscriptions, wholly or not at all; one of a user is subscribed to the user's topic as well.
   * `maxClients` counts the clients of its key.
   */
  register(client: NewClient, maxClients: number | null): Promise<RegisterOutcome>;
  /**
   * Removes the client with all that is kept for it; its edge is notified. False when it was not registered. Nothing is
   * changed when `check` throws.
   */
  unregister(clientId: string, check?: TokenCheck): Promise<boolean>;
  /** The same, unless the client is connected or has been since `client` was read. */
  unregisterUnused(client: ClientState): Promise<boolean>;
  /** Marks a client's owner as gone, because its edge died with it, unless another one owns it by now. */
  markOwnerGone(client: ClientState): Promise<void>;
  /** Changes what a client is subscribed to, in one step; its edge is notified. */
  changeTopics(clientId: string, change: TopicChange): Promise<ChangeOutcome>;
  /**
   * Gives a client of tokens the identity of a further one, and ends the subscriptions to topics of the one before that are
   * not in it, in one step; its edge is notified. `not-found` also for a client of another user.
   */
  renew(clientId: string, renewal: Renewal): Promise<ChangeOutcome>;
  /** The client of this name, which may not be registered yet, or any more; null when the name is free. */
  findByName(key: string, name: string): Promise<string | null>;
  /**
   * Frees the name of a client that a fail-over of its Cluster node has lost, and takes it off the key's count. False when
   * the client is there, is being registered or unregistered, or does not have the name.
   */
  releaseLostName(key: string, name: string, clientId: string): Promise<boolean>;
  /** Has the client's present connection closed. Null when the client is not registered, else whether it had one. */
  disconnect(clientId: string): Promise<{ connected: boolean } | null>;
  readClient(clientId: string): Promise<ClientState | null>;
  /** In the order given. */
  readClients(clientIds: readonly string[]): Promise<(ClientState | null)[]>;
  /** In the order of ids; `cursor` is the last id of the page before. */
  listClients(cursor: string | null, limit: number): Promise<Page<ClientState>>;
  /** The public names of clients, registered or not, in the order given: 16 hexadecimal digits that reveal nothing of the id. */
  refsOf(clientIds: readonly string[]): Promise<string[]>;
  /** The registered client of this public name; null when there is none. */
  findByRef(ref: string): Promise<string | null>;
  /** A client id as a cursor that does not give it away, and back. What was never a cursor becomes an id of no client. */
  cursorOf(clientId: string): Promise<string>;
  clientIdOfCursor(cursor: string): Promise<string>;
  /** Repairs the key's count and names after a process that died in the middle of a registration. Gives how many intents it completed. */
  recoverAbandoned(key: string, olderThanMs: number): Promise<number>;
}

export interface History {
  size: number;
  seconds: number;
}

/** What a key may make; null: any number. */
export interface TopicQuota {
  maxTopics: number | null;
  /** Of all its topics' histories together, by their sizes. */
  maxHistoryMessages: number | null;
}

export interface TopicOwner {
  /** The API key that makes the topic, if it is not there. */
  key: string;
  /** What a key may make, by its id; undefined: there is no such key any more. */
  quotaOf: (key: string) => TopicQuota | undefined;
}

export type PutOutcome =
  | { kind: 'put'; created: boolean; state: TopicState }
  /** The key that made it has as many topics, or as many messages in its histories, as it may. */
  | { kind: 'topics' | 'history' };

/**
 * Under an idempotency key, what was published within 5 minutes is not published again. The key belongs to
 * its caller and data: another caller, or other data, is a conflict, and nothing is published either.
 */
export interface NewMessage {
  data: Buffer;
  idempotencyKey?: string | undefined;
  /** The id of the API key. */
  caller?: string | undefined;
}

export type PublishOutcome =
  { kind: 'published' | 'repeated'; id: Position } | { kind: 'not-found' } | { kind: 'conflict' };

/** What a topic is made with, or changed to; what is not given stays as it is. */
export interface TopicSettings extends Partial<History> {
  /** null: it does not expire. */
  expireSeconds?: number | null | undefined;
  /** null: it has no presence. */
  presence?: TopicState['presence'] | undefined;
}

/** Topics and their messages. */
export interface Topics {
  /**
   * Creates the topic, or changes the settings that are given of one that is there. One that has expired comes back with
   * its position, and the subscriptions that it had.
   */
  putTopic(topic: string, settings: TopicSettings): Promise<{ created: boolean; state: TopicState }>;
  /** The same, counted for the key that made the topic, and refused where that has as much as it may. */
  putTopicOf(owner: TopicOwner, topic: string, settings: TopicSettings): Promise<PutOutcome>;
  /** The same, but one that is there stays as it is. */
  createTopicOf(owner: TopicOwner, topic: string, settings: TopicSettings): Promise<PutOutcome>;
  /** Removes the topic and its log; every edge with a subscriber is notified. False when there was none. */
  deleteTopic(topic: string): Promise<boolean>;
  /** In the order given; null for one that does not exist, or has expired. A rejection names those that could not be read. */
  readTopics(topics: readonly string[]): Promise<(TopicState | null)[]>;
  /** The same with those that have expired, whose subscriptions hold: they are `dormant`. */
  readWithDormant(topics: readonly string[]): Promise<(TopicState | null)[]>;
  /**
   * Looks at topics that may have expired, at most so many, and makes those dormant that have: for so long as they say
   * nothing was published, and no edge had them. Gives how many.
   */
  expireTopics(limit: number): Promise<number>;
  /** In the order of names, all that begin with `prefix`; `cursor` is the last name of the page before. */
  listTopics(
    cursor: string | null,
    limit: number,
    prefix?: string,
  ): Promise<Page<{ topic: string; state: TopicState }>>;
  /**
   * Appends to the log and publishes to the edges, in one step. The same idempotency key again gives the same id and does
   * neither. With `traceparent`, that of a call that is traced, the message carries it to the edges.
   */
  publish(
    topic: string,
    data: Buffer,
    idempotencyKey?: string,
    caller?: string,
    traceparent?: string,
  ): Promise<PublishOutcome>;
  /** The same for several messages, in the order given, all in one step. Gives one outcome for each. */
  publishAll(topic: string, messages: readonly NewMessage[], traceparent?: string): Promise<PublishOutcome[]>;
  /** The same for a client's inbox; the edge that owns the client is notified. */
  publishToClient(
    clientId: string,
    data: Buffer,
    idempotencyKey?: string,
    caller?: string,
    traceparent?: string,
  ): Promise<PublishOutcome>;
  /**
   * What follows `after` in the log (all of it when null), at most `limit` entries and `MAX_PAGE_BYTES`, but one entry at least;
   * null when the topic does not exist.
   */
  readLog(topic: string, after: Position | null, limit: number): Promise<LogPage | null>;
  /** The same for a client's inbox. */
  readClientLog(clientId: string, after: Position | null, limit: number): Promise<LogPage | null>;
}

/** Who is present on a topic, as all edges together have it. */
export interface PresencePage {
  count: number;
  /** Maybe fewer than asked for, also before the end. */
  members: PresentMember[];
  version: number;
  cursor: string | null;
}

/** What callers see of who is present. */
export interface Presence {
  /**
   * Each member once. Null when the topic does not exist, or has no presence; no members when it shows only their number.
   * `cursor` is of the page before; one that was never given starts anew.
   */
  readPresence(topic: string, cursor: string | null, limit: number): Promise<PresencePage | null>;
  /** In the order given; null for topics without presence. */
  countPresent(topics: readonly string[]): Promise<(number | null)[]>;
  /** Takes out the members of edges that died, or left longer ago than a topic's grace. Gives how many were taken out. */
  reapPresence(): Promise<number>;
}

/**
 * What edges make of presence. An edge holds the truth about its own members; Redis has for each topic and edge what the
 * edge last said. One call a topic and edge at a time: the caller waits for the one before.
 */
export interface EdgePresence {
  /** Notes topics in which the edge has members, or is about to: what is not noted is not taken out when the edge dies. */
  notePresence(edge: string, topics: readonly string[]): Promise<void>;
  /** Takes topics off the note, in which the edge has no members any more. */
  forgetPresence(edge: string, topics: readonly string[]): Promise<void>;
  /** Leaves a note that the edge ends in order: once it has no lease, its members stay for the grace of their topics. */
  leavePresence(edge: string): Promise<void>;
  /**
   * Writes which members joined and left at the edge, each named once, and publishes what that changes for the whole topic:
   * at once, or, when the last changes were published a moment ago, by the first call that comes after `waitMs`.
   */
  changePresence(topic: string, edge: string, change: PresenceChange): Promise<PresenceOutcome>;
  /** Makes the members of the edge exactly these, whatever Redis has of them, and notes the topic. */
  setPresence(topic: string, edge: string, known: PresenceOfEdge): Promise<PresenceOutcome>;
  /** Publishes changes that are pending, of whichever edge, if it is time. Without members at the edge too. */
  flushPresence(topic: string): Promise<Exclude<PresenceOutcome, { kind: 'out-of-sequence' }>>;
  /**
   * In the order given; null for a topic without presence. One call of Redis for many. Notes again those that have a
   * sequence, should the note be lost. An edge goes on checking a topic, with sequence 0, for 15 s after its last member
   * left: a Redis that lost that write still has them.
   */
  checkPresence(edge: string, checks: readonly PresenceCheck[]): Promise<(PresenceVersion | null)[]>;
  /** Who is present, exactly as published with `version`. Null when the topic has no presence. */
  snapshotPresence(topic: string): Promise<PresenceSnapshot | null>;
  /** As `Clients.refsOf`: a member without a user is `~` and its ref. */
  refsOf(clientIds: readonly string[]): Promise<string[]>;
}

/** What an edge reports of one of its connections. */
export interface ServedClient {
  /** Of its claim. */
  generation: number;
  connection: string;
  topics: Record<string, Position>;
  /** Not of edges of an earlier version, as the rest. One that has ended, and whose socket is being closed, has a `ConnectionEnd`. */
  story?: ConnectionStory | ConnectionEnd;
  /** As of a `ConnectionEnd`; null: it has had no welcome yet. */
  openedMs?: number | null;
  /** The last message of `@me` that it was given. */
  inbox?: Position;
  /** Bytes that wait for its socket. */
  waitingBytes?: number;
}

/** Which edges are alive, and what they hold. */
export interface Edges {
  /** Every edge whose lease has not run out. */
  liveEdges(): Promise<EdgeDetails[]>;
  /** Which of these edges live. */
  alive(edges: readonly string[]): Promise<Set<string>>;
  /** What the edge serves to a client; null when it holds no connection of it, undefined when it did not answer in time. */
  surveyServed(edge: string, clientId: string): Promise<ServedClient | null | undefined>;
  /** Connected subscribers of a topic on all edges; undefined when one did not answer in time. */
  surveySubscribers(topic: string): Promise<number | undefined>;
  /** Asks a live edge to drain, or to take connections again; it follows within a second or so. */
  requestDrain(edge: string, drain: boolean): Promise<DrainOutcome>;
  /** Forgets edges whose lease ran out long ago. */
  reapEdges(): Promise<void>;
}

/** What is remembered of a client, newest first. */
export interface ClientEvidence {
  past: PastConnection[];
  left: EndedSubscription[];
  /** As many connections, or subscriptions, are kept as there may be: older ones are forgotten. */
  pastIsCut: boolean;
  leftIsCut: boolean;
  /** Generations of claims and ids of messages are from one clock: it is one Redis. */
  oneClock: boolean;
}

/** What is remembered of clients, for explaining what became of a message. */
export interface Evidence {
  /** The connections and the subscriptions of a client that ended in the last 24 hours, and a few before. */
  readEvidence(clientId: string): Promise<ClientEvidence>;
}

/** Which events are wanted by webhooks. Nothing is written of any other. */
export interface Events {
  /** Reads which events are wanted; what was read last counts until then. Gives whether that has changed. */
  refreshEvents(): Promise<boolean>;
}

/** Topics that have connections, for events of them. */
export interface Occupancy {
  /** Takes out edges that are gone, and vacates the topics whose time has come. Nothing while their events are not wanted. */
  vacateTopics(): Promise<void>;
}

/** The same, as an edge writes it. */
export interface EdgeOccupancy {
  /** Whether it is to be written that this topic has connections; without a topic, whether of any. */
  isOccupancyWanted(topic?: string): boolean;
  /** Writes on which topics the edge has connections, and on which none any more. Gives those that were written. */
  changeOccupancy(edge: string, occupied: readonly string[], left: readonly string[]): Promise<Set<string>>;
  /** Gives those of the topics that Redis does not have as occupied by the edge. Notes all of them again. */
  checkOccupancy(edge: string, topics: readonly string[]): Promise<string[]>;
}

/** An edge whose lease ran out. */
export interface DeadEdge {
  id: string;
  /** When it renewed the lease last, by its own clock: tells one death from another. */
  renewedAt: string;
}

/** Searches for the clients of edges that died. */
export interface DeadEdges {
  /**
   * Dead edges whose clients are to be searched for now, by this process; none while it is not wanted how connections end.
   * Another process begins anew when a search is not renewed for 10 s, nor ended.
   */
  beginSearches(): Promise<DeadEdge[]>;
  renewSearches(edges: readonly DeadEdge[]): Promise<void>;
  endSearches(edges: readonly DeadEdge[]): Promise<void>;
}

/** What connections of an edge were announced as lost, within a second or so. */
export interface TopicLoss {
  topic: string;
  /** The client whose inbox it is, when it is one. */
  clientId?: string;
  /** How many were sent the `lost`. */
  connections: number;
  /** The first position after which one of them lost messages. */
  after: Position;
  /** The last from which one of them goes on. */
  position: Position;
}

/** Events of what connections were announced as lost. */
export interface LossEvents {
  isLossWanted(topic: string): boolean;
  /** Gives those that could not be written. */
  writeLosses(edge: string, losses: readonly TopicLoss[]): Promise<TopicLoss[]>;
}

/** What API keys have, and when they were used. */
export interface ApiKeys {
  /** In the order given; a key of which nothing is known has nothing, and was never used. */
  readKeyUsages(keys: readonly string[]): Promise<KeyUsage[]>;
  /** Notes that a key was used at a time, in milliseconds since the epoch. */
  noteKeyUsed(key: string, at: number): Promise<void>;
}

/** All that control-api needs. */
export interface ControlBroker
  extends Clients, Users, Topics, Presence, Occupancy, Edges, DeadEdges, ApiKeys, Events, Evidence {
  /** Whether Redis takes writes now, each of its servers; rejects with why not. */
  tryWrites(): Promise<void>;
}

/** A connection that asks for its client, or whether the client is still its own. */
export interface ClaimRequest {
  clientId: string;
  edge: string;
  /** That of the connection's last claim; none for a new connection. */
  generation?: number;
  /** The registration that the connection belongs to; any when not given. */
  incarnation?: string;
  /** Of the state that the connection has; when it is the present one, the answer is `unchanged`. */
  digest?: number;
}

/** The state as it was when the claim was made. */
export interface ClaimedState {
  client: ClientState;
  generation: number;
  digest: number;
}

export type ClaimOutcome =
  /** The connection owns the client from now on, or did already. */
  | ({ kind: 'claimed' } & ClaimedState)
  /**
   * A newer connection owns the client, or one that a new connection has not replaced yet; nothing was changed. For a new
   * connection `generation` is above that of the owner: claimed with it once more, it takes the place of the owner.
   */
  | ({ kind: 'owned-by-other' } & ClaimedState)
  /** The connection owns the client as before, and has its state. */
  | { kind: 'unchanged' }
  /** Not registered, or anew by another registration. */
  | { kind: 'not-found' };

/** What an edge knows of a topic. */
export interface KnownTopic {
  topic: string;
  incarnation: string;
  last: Position;
  /** When it expires and its presence, by `settingsText`. */
  settings: string;
}

/** All that a socket-edge needs. */
export interface EdgeBroker extends Events, EdgeOccupancy, LossEvents {
  /**
   * Claims a client for a connection, and reads it, in one step. A new connection gets it when it has no owner; one with a
   * generation, when the owner's is lower (this Redis has lost its last writes, or a newer connection takes over), or when
   * it has no owner (any more).
   */
  claim(request: ClaimRequest): Promise<ClaimOutcome>;
  /**
   * Ends the ownership of this generation (0: whichever the edge has), unless a newer connection owns the client.
   * @param reason how the connection ended; `lost` when not given
   */
  release(clientId: string, edge: string, generation: number, reason?: DisconnectReason): Promise<void>;
  /** Remembers a connection that has ended. What its own edge has noted of it stays, whoever else notes it. */
  notePast(clientId: string, past: PastConnection): Promise<void>;
  /** With those that have expired: `dormant`, and to an edge a topic without messages. */
  readTopics(topics: readonly string[]): Promise<(TopicState | null)[]>;
  /** Gives those that differ from what is known of them, with their state; null for one that does not exist. Dormant ones are kept on. */
  compareTopics(known: readonly KnownTopic[]): Promise<Map<KnownTopic, TopicState | null>>;
  /** Notes that a topic that expires was in use until now. */
  touchTopic(topic: string): Promise<void>;
  readLog(topic: string, after: Position | null, limit: number): Promise<LogPage | null>;
  readClientLog(clientId: string, after: Position | null, limit: number): Promise<LogPage | null>;
  /** Removes closed ranges, as they were read, once they have been delivered. */
  acknowledgeRanges(
    client: Pick<ClientState, 'clientId' | 'incarnation'>,
    ranges: ReadonlyMap<string, string>,
  ): Promise<void>;
  /** Puts a client into the dirty set of edges: they read the client's state soon. */
  notify(edges: readonly string[], clientId: string): Promise<void>;
  /** Clients in the edge's dirty set, at most `max`. They stay there until they are acknowledged. */
  readPending(edge: string, max: number): Promise<string[]>;
  /** Takes clients out of the dirty set. First this, then read the state: a change in between puts the client in again. */
  acknowledge(edge: string, clientIds: readonly string[]): Promise<void>;
  /**
   * Renews the edge's lease, or begins it. Details that are not given stay as they are. The newer of the drain request that
   * the edge knows and the one that Redis has is the one in force.
   */
  renewLease(details: EdgeDetails, known?: DrainRequest): Promise<LeaseRenewal>;
  /** Ends the lease now. */
  dropLease(edge: string): Promise<void>;
  /** Answers a survey that came on a live channel. */
  answer(survey: string, payload: unknown): Promise<void>;
  /** Sends a loopback probe to the edge's own channel. Gives how many connections received it. */
  sendProbe(edge: string, nonce: string): Promise<number>;
}
