import type { Position } from '@holdfast/protocol/position-order';

/** Every time in a log is in milliseconds of the machine's monotonic clock. */
type Milliseconds = number;

/** A message as somebody saw it. */
export interface Arrived {
  topic: string;
  id: Position;
  /** Made by the publisher, different for every publish: it tells which publish this is, whatever its id. */
  token: string;
}

/** What a client saw, in the order in which it saw it. */
export type LogEvent =
  /** A connection begins: the positions of its welcome. */
  | {
      kind: 'session';
      at: Milliseconds;
      topics: ReadonlyMap<string, { position: Position; recovered: boolean | undefined }>;
    }
  /** A frame. `handedOut` is false for one that the client's own de-duplication dropped. */
  | { kind: 'message'; at: Milliseconds; message: Arrived; handedOut: boolean }
  | { kind: 'subscribed'; at: Milliseconds; topic: string; position: Position }
  | { kind: 'lost'; at: Milliseconds; topic: string; after: Position; position: Position }
  /** The connection is over; 4410 says that the registration is. */
  | { kind: 'ended'; at: Milliseconds; code: number };

/** One desired topic for a topic, as the control API was asked for it. */
export interface DesiredTopic {
  topic: string;
  askedAt: Milliseconds;
  /** When it was accepted; null when no answer came. */
  since: Milliseconds | null;
  /** When its end was asked for. */
  endAskedAt: Milliseconds | null;
  /** When its end was accepted. */
  endedAt: Milliseconds | null;
}

/**
 * What is expected of a client.
 * - `everything`: it resumes, so whatever its connections went through, it has all of it in the end.
 * - `each-session`: it never resumes: between what it received first and last on one connection nothing is missing.
 * - `order`: its connections are taken away from it; what it does receive is right.
 */
export type Expectation = 'everything' | 'each-session' | 'order';

export interface MemberLog {
  member: number;
  expectation: Expectation;
  desiredTopics: readonly DesiredTopic[];
  events: readonly LogEvent[];
}
