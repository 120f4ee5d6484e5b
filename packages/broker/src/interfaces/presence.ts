import type {
  PresenceChange,
  PresenceCheck,
  PresenceOfEdge,
  PresenceOutcome,
  PresenceSnapshot,
  PresenceVersion,
  PresentMember,
} from '../presence/state.ts';

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
