import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { EdgeBroker, EdgePresence } from '@holdfast/broker/broker';
import type { EdgeDetails } from '@holdfast/broker/edge-state';
import type { LivePayload } from '@holdfast/broker/live-payload';
import type { ConnectionSlices } from './connection/connection-list.ts';
import type { Counters } from './counters.ts';
import type { Watchers, WatchersDeps } from './presence/watchers.ts';
import type { TimeSlicer } from './schedule/slicer.ts';
import type { Subscription } from './topic/subscription.ts';
import type { Topics } from './topic/topics.ts';
import type { Broadcast } from './transport/transport.ts';

/**
 * Another protocol at the port of an edge. Its connections subscribe to topics as native ones do, and share the lease, the
 * heartbeat, the drain and the bounds of the edge.
 */
export interface Door {
  /** All of its connections, also while they close. */
  readonly connections: ConnectionSlices;
  /** Whether it takes handshakes at a path. */
  has(path: string): boolean;
  /** Takes a request for an upgrade at one of its paths. From here on it is responsible for the socket, also for its errors. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Something other than a message was published on the live channel of a topic, whoever it is for. */
  onLive(topic: string, payload: LivePayload): void;
  /** The subscription to a topic of the connection with this id, if there is one. */
  subscriptionOf(topic: string, id: string): Subscription | undefined;
  /** What shows its connections who is present on a topic; null for a topic that is not its own. */
  watchers(deps: WatchersDeps): Watchers | null;
  /** What the edge reports of it with its lease. */
  details(): Partial<EdgeDetails>;
  /** Once a second. Rejects when Redis does not answer. */
  tend(): Promise<unknown>;
  /** Begins; returns the stop. */
  start(): () => void;
}

/** What an edge has for a door. */
export interface DoorDeps {
  /** The id of the edge. */
  edge: string;
  broker: EdgeBroker & EdgePresence;
  topics: Topics;
  slicer: TimeSlicer;
  broadcast: Broadcast;
  counters: Counters;
  /** Whether the edge takes no more connections for now, because it drains or has as many as it takes. */
  isDraining: () => boolean;
  isFull: () => boolean;
  /** Whether Redis has a lease of the edge. */
  isKnown: () => boolean;
  onError: (error: unknown) => void;
}
