import type { Position } from '@holdfast/protocol/position-order';

/** Every time in a history is in milliseconds of the machine's monotonic clock. */
type Milliseconds = number;

/** `unknown`: no answer came, or one after which it may have taken effect all the same. */
export type Outcome = 'ok' | 'refused' | 'unknown';

/** What `GET /v1/clients/{id}` answered; null for a 404. */
export interface View {
  topics: readonly string[];
  connected: boolean;
  served: readonly string[] | null;
}

export type Call =
  | { what: 'register' | 'subscribe' | 'unsubscribe'; client: string; topics: readonly string[] }
  | { what: 'unregister' | 'disconnect'; client: string }
  | { what: 'create'; topic: string; size: number }
  | { what: 'delete'; topic: string }
  /** `stream` is a topic, or what `inboxOf` gives. The same token again is the same message, under its idempotency key. */
  | {
      what: 'publish';
      how: 'single' | 'batch' | 'idempotent' | 'to-client';
      stream: string;
      token: string;
      id?: Position;
    }
  /** `isFinal`: asked when everything had had its time. */
  | { what: 'view'; client: string; isFinal: boolean; seen?: View | null };

export interface CallEvent {
  kind: 'call';
  /** When it was asked, and when it was answered or given up. */
  from: Milliseconds;
  to: Milliseconds;
  outcome: Outcome;
  status: number | null;
  call: Call;
}

export type Frame =
  | { type: 'welcome'; topics: Readonly<Record<string, { position: Position; recovered?: boolean }>> }
  | { type: 'message'; topic: string; id: Position; token: string }
  | { type: 'subscribed'; topic: string; position: Position }
  | { type: 'unsubscribed'; topic: string; reason: string }
  | { type: 'lost'; topic: string; after: Position; position: Position };

/** `line` numbers a connection, or the attempt at one. */
export type LineEvent =
  | {
      kind: 'opening';
      at: Milliseconds;
      line: number;
      client: string;
      edge: number;
      /** Of its `resume` frame; null: it does not resume. */
      positions: Readonly<Record<string, Position>> | null;
    }
  /** The 101 is here. */
  | { kind: 'opened'; at: Milliseconds; line: number }
  | { kind: 'frame'; at: Milliseconds; line: number; frame: Frame }
  /** `status`: it was refused in HTTP. `byUs`: we ended it. */
  | { kind: 'closed'; at: Milliseconds; line: number; code: number; byUs: boolean; status: number | null };

/** Redis lost every write from between `savedFrom` and `savedTo` on, up to `lostAt`. */
export interface Forgetting {
  kind: 'forgot';
  savedFrom: Milliseconds;
  savedTo: Milliseconds;
  lostAt: Milliseconds;
}

/** A fault that happened, for whoever reads the history. */
interface FaultEvent {
  kind: 'fault';
  name: string;
  from: Milliseconds;
  to: Milliseconds;
  detail: string;
}

/**
 * Everything is whole and had its time: what has not come by now is missing. A history may have several, for what comes
 * next may heal what is missing.
 */
interface End {
  kind: 'end';
  at: Milliseconds;
}

export type HistoryEvent = CallEvent | LineEvent | Forgetting | FaultEvent | End;

/** The stream of a client's `@me`. */
export function inboxOf(client: string): string {
  return `@me:${client}`;
}

/** The stream of a frame's topic. */
export function streamOf(client: string, topic: string): string {
  return topic === '@me' ? inboxOf(client) : topic;
}
