import type { Position } from '@holdfast/protocol/position-order';
import type { KeyUsage } from '../api-keys/usage.ts';
import type { DrainOutcome, EdgeDetails } from '../edges/state.ts';
import type { ConnectionEnd, ConnectionStory } from '../evidence/past.ts';

/** What an edge reports of one of its connections. */
export interface ServedClient {
  /** Of its claim. */
  generation: number;
  connection: string;
  /** As of a `ConnectionEnd`. */
  follows?: number | null;
  topics: Record<string, Position>;
  /** Not of edges of an earlier version, as the rest. One that has ended, and whose socket is being closed, has a `ConnectionEnd`. */
  story?: ConnectionStory | ConnectionEnd;
  /** As of a `ConnectionEnd`; null: it has had no welcome yet. */
  openedMs?: number | null;
  /** The last message of `@me` that it was given. */
  inbox?: Position;
  /** What was written to it in the last so many milliseconds may not have arrived: its client has not answered. */
  doubtfulMs?: number;
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

/** What API keys have, and when they were used. */
export interface ApiKeys {
  /** In the order given; a key of which nothing is known has nothing, and was never used. */
  readKeyUsages(keys: readonly string[]): Promise<KeyUsage[]>;
  /** Notes that a key was used at a time, in milliseconds since the epoch. */
  noteKeyUsed(key: string, at: number): Promise<void>;
}
