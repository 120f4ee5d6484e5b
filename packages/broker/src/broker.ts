import type { Position } from '@holdfast/protocol/position-order';
import type { ClientState, Owner } from './client-state.ts';
import type { LogPage, TopicState } from './topic-state.ts';

/**
 * The interfaces to everything that Holdfast keeps in Redis. Each comment is a promise that the tests hold.
 * Every function rejects with `BrokerUnavailable` when Redis does not answer; whether a write then took place is unknown.
 * On a Cluster it may be one node that does not: what has to do with the others goes on.
 */

export interface NewClient {
  clientId: string;
  key: string;
  name: string | null;
  registeredAt: number;
  /** Topic to the position at which its subscription begins. */
  topics: ReadonlyMap<string, Position>;
}

export type RegisterOutcome = 'registered' | 'client-exists' | 'name-taken' | 'quota-reached';

export interface TopicChange {
  /** Topics to add, each with the position at which the subscription begins. One that is there already keeps its own. */
  add?: ReadonlyMap<string, Position>;
  remove?: readonly string[];
  /**
   * Where removed topics stand. What was subscribed and removed again before the edge looked is still delivered up to
   * there; without it nothing is.
   */
  endsAt?: ReadonlyMap<string, Position>;
  /** Subscriptions to topics that exist no more: dropped if they still begin at the position given. */
  stale?: ReadonlyMap<string, Position>;
}

export type ChangeOutcome = { kind: 'changed'; client: ClientState } | { kind: 'unknown' } | { kind: 'too-many' };

export interface Page<T> {
  items: T[];
  /** Where the next page begins; null at the end. */
  cursor: string | null;
}

/** Who is registered, and what they want. */
export interface Clients {
  /** Creates the client with its subscriptions, wholly or not at all. `maxClients` counts the clients of its key. */
  register(client: NewClient, maxClients: number | null): Promise<RegisterOutcome>;
  /** Removes the client with all that is kept for it; its edge hears of it. False when it was not registered. */
  unregister(clientId: string): Promise<boolean>;
  /** The same, unless the client is connected or has been since `client` was read. */
  unregisterUnused(client: ClientState): Promise<boolean>;
  /** Gives a client up for an edge that died with it, unless somebody owns it by now. */
  giveUp(client: ClientState): Promise<void>;
  /** Changes what a client wants, in one step; its edge hears of it. */
  changeTopics(clientId: string, change: TopicChange): Promise<ChangeOutcome>;
  /** Has the client's present connection closed. Null when the client is not registered, else whether it had one. */
  disconnect(clientId: string): Promise<{ connected: boolean } | null>;
  readClient(clientId: string): Promise<ClientState | null>;
  /** In the order given. */
  readClients(clientIds: readonly string[]): Promise<(ClientState | null)[]>;
  /** In the order of ids; `cursor` is the last id of the page before. */
  listClients(cursor: string | null, limit: number): Promise<Page<ClientState>>;
  /** The public names of clients, registered or not, in the order given: 16 hexadecimal digits that tell nothing of the id. */
  refsOf(clientIds: readonly string[]): Promise<string[]>;
  /** The registered client of this public name; null when there is none. */
  findByRef(ref: string): Promise<string | null>;
  /** A client id as a cursor that does not give it away, and back. What was never a cursor becomes an id of nobody. */
  cursorOf(clientId: string): Promise<string>;
  clientIdOfCursor(cursor: string): Promise<string>;
  /** Puts right the key's count and names after a process that died in the middle of a registration. Gives how many it settled. */
  settleAbandoned(key: string, olderThanMs: number): Promise<number>;
}

export interface History {
  size: number;
  seconds: number;
}

/** Under an idempotency key, what was published within 5 minutes is not published again. */
export interface NewMessage {
  data: Buffer;
  idempotencyKey?: string | undefined;
}

export type PublishOutcome = { kind: 'published' | 'repeated'; id: Position } | { kind: 'unknown' };

/** What was said. */
export interface Topics {
  /** Creates the topic, or changes the settings that are given of one that is there. */
  putTopic(topic: string, history: Partial<History>): Promise<{ created: boolean; state: TopicState }>;
  /** Removes the topic and its log; every edge with a subscriber hears of it. False when there was none. */
  deleteTopic(topic: string): Promise<boolean>;
  /** In the order given; null for one that does not exist. A rejection names those that could not be read. */
  readTopics(topics: readonly string[]): Promise<(TopicState | null)[]>;
  /** In the order of names; `cursor` is the last name of the page before. */
  listTopics(cursor: string | null, limit: number): Promise<Page<{ topic: string; state: TopicState }>>;
  /** Appends to the log and tells the edges, in one step. The same idempotency key again gives the same id and does neither. */
  publish(topic: string, data: Buffer, idempotencyKey?: string): Promise<PublishOutcome>;
  /** The same for several messages, in the order given, all in one step. Gives one outcome for each. */
  publishAll(topic: string, messages: readonly NewMessage[]): Promise<PublishOutcome[]>;
  /** The same for a client's own topic; the edge that owns the client hears of it. */
  publishToClient(clientId: string, data: Buffer, idempotencyKey?: string): Promise<PublishOutcome>;
  /** What follows `after` in the log (all of it when null), at most `limit` entries; null when the topic does not exist. */
  readLog(topic: string, after: Position | null, limit: number): Promise<LogPage | null>;
  /** The same for a client's own topic. */
  readClientLog(clientId: string, after: Position | null, limit: number): Promise<LogPage | null>;
}

export interface EdgeDetails {
  id: string;
  url: string;
  connections: number;
  maxConnections: number;
  draining: boolean;
  startedAt: number;
  /** Not of edges of an earlier version. */
  load?: EdgeLoad;
}

/** How busy an edge is, over the last second or so. */
export interface EdgeLoad {
  /** The machine or container that it shares with the other edges of this name. */
  host: string;
  /** How many cores the host has. */
  cores: number;
  /** CPU time of all its threads by time: 1 is a whole core. */
  cpu: number;
  /** 0 to 1. */
  eventLoopUtilization: number;
  rssBytes: number;
  /** What it may still take, by the limit of its container or what its machine has left. */
  availableBytes: number;
  messagesPerSecond: number;
  deliveriesPerSecond: number;
}

/** What an edge says of one of its connections. */
export interface ServedClient {
  connection: string;
  topics: Record<string, Position>;
}

/** Which edges live, and what they say when asked. */
export interface Edges {
  /** Every edge whose lease has not run out. */
  liveEdges(): Promise<EdgeDetails[]>;
  /** Which of these edges live. */
  alive(edges: readonly string[]): Promise<Set<string>>;
  /** What the edge serves to a client; null when it holds no connection of it, undefined when it did not say in time. */
  askServed(edge: string, clientId: string): Promise<ServedClient | null | undefined>;
  /** Connected subscribers of a topic on all edges; undefined when one did not say in time. */
  askSubscribers(topic: string): Promise<number | undefined>;
  /** Forgets edges whose lease ran out long ago. */
  sweepEdges(): Promise<void>;
}

/** All that control-api needs. */
export interface ControlBroker extends Clients, Topics, Edges {
  /** Whether Redis takes writes now, each of its servers; rejects with why not. */
  tryWrites(): Promise<void>;
}

export type ClaimOutcome =
  | { kind: 'claimed'; client: ClientState; previous: Owner | null }
  | { kind: 'unknown' }
  /** Only when asked to claim what nobody owns. */
  | { kind: 'owned'; client: ClientState };

/** All that a socket-edge needs. */
export interface EdgeBroker {
  /** Makes (edge, connection) the owner of the client, whoever was before, and reads the client, in one step. */
  claim(
    clientId: string,
    edge: string,
    connection: string,
    options?: { onlyIfUnowned: boolean },
  ): Promise<ClaimOutcome>;
  /** Gives the client up, unless somebody else owns it by now. */
  release(clientId: string, edge: string, connection: string): Promise<void>;
  readClients(clientIds: readonly string[]): Promise<(ClientState | null)[]>;
  readTopics(topics: readonly string[]): Promise<(TopicState | null)[]>;
  readLog(topic: string, after: Position | null, limit: number): Promise<LogPage | null>;
  readClientLog(clientId: string, after: Position | null, limit: number): Promise<LogPage | null>;
  /** Forgets ended subscriptions, as they were read, once they have been delivered. */
  forgetEnded(clientId: string, ended: ReadonlyMap<string, string>): Promise<void>;
  /** Puts a client into an edge's letter box: that edge will look at the client's state soon. */
  ring(edge: string, clientId: string): Promise<void>;
  /** Clients in the letter box, at most `max`. They stay there until they are taken. */
  peekLetters(edge: string, max: number): Promise<string[]>;
  /** Takes letters out. Take first, read the state after: a letter that comes in between then rings again. */
  takeLetters(edge: string, clientIds: readonly string[]): Promise<void>;
  /** Renews the edge's lease. False when it had run out (or had not begun): others may have been given its clients. */
  renewLease(details: EdgeDetails): Promise<boolean>;
  /** Ends the lease now. */
  dropLease(edge: string): Promise<void>;
  /** Answers a question that came on a live channel. */
  answer(question: string, payload: unknown): Promise<void>;
  /** Sends a canary to the edge's own channel. Gives how many heard it. */
  sendCanary(edge: string, nonce: string): Promise<number>;
}
