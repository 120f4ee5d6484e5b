import type { Position } from '@holdfast/protocol/position-order';
import type { ClientIdentity, ClientToken } from '../clients/identity.ts';
import type { ClientState, SubscriptionStart } from '../clients/state.ts';
import type { NewMessage, Page, PublishOutcome } from './topics.ts';

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
