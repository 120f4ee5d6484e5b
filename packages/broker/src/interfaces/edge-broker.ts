import type { DisconnectReason } from '@holdfast/protocol/events';
import type { Position } from '@holdfast/protocol/position-order';
import type { ClientState } from '../clients/state.ts';
import type { DrainRequest, EdgeDetails, LeaseRenewal } from '../edges/state.ts';
import type { PastConnection } from '../evidence/past.ts';
import type { LogPage, TopicState } from '../topics/state.ts';
import type { EdgeChannels } from './channels.ts';
import type { EdgeOccupancy, Events, LossEvents } from './events.ts';

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
   * connection `generation` is above that of the owner: claimed with it once more, it takes the place of the owner. There
   * may be none: its edge is marked as gone, or another handshake is under way.
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
export interface EdgeBroker extends Events, EdgeOccupancy, LossEvents, EdgeChannels {
  /**
   * Claims a client for a connection, and reads it, in one step. A new connection gets it when it has no owner, not even one
   * that is marked as gone, and no other handshake may be under way; one with a generation, when the owner's is lower (this
   * Redis has lost its last writes, or a newer connection takes over), or when it has no owner (any more).
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
