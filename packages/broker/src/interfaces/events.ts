import type { Position } from '@holdfast/protocol/position-order';
import type { EndedSubscription, PastConnection } from '../evidence/past.ts';

/** Which events are wanted by webhooks. Nothing is written of any other. */
export interface Events {
  /** Reads which events are wanted; what was read last counts until then. Gives whether that has changed. */
  refreshEvents(): Promise<boolean>;
}

/** What is left of control-apis that wanted events and are gone. */
export interface EventReaper {
  /**
   * Takes out what control-apis want that have not said so for as long; null: none. What was written is removed a day, or
   * `keptMs`, after nothing is wanted any more. Gives whether it was.
   */
  reapEvents(silentMs: number | null, keptMs?: number): Promise<boolean>;
}

/** Topics that have connections, for events of them. */
export interface Occupancy {
  /** Takes out edges that are gone, and vacates the topics whose time has come. */
  vacateTopics(): Promise<void>;
}

/** The same, as an edge writes it. */
export interface EdgeOccupancy {
  /**
   * Whether it is to be written that this topic has connections: of a channel always, of others while events of that are
   * wanted. Without a topic, whether events of any are wanted.
   */
  isOccupancyWanted(topic?: string): boolean;
  /** Writes on which topics the edge has connections, and on which none any more. Gives those that were written. */
  changeOccupancy(edge: string, occupied: readonly string[], left: readonly string[]): Promise<Set<string>>;
  /** Gives those of the topics that Redis does not have as occupied by the edge. Notes all of them again. */
  checkOccupancy(edge: string, topics: readonly string[]): Promise<string[]>;
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
