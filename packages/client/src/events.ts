import type { Expiring } from '@holdfast/protocol/down';
import type { Lost } from '@holdfast/protocol/down';
import type { Message } from '@holdfast/protocol/down';
import type { Subscribed } from '@holdfast/protocol/down';
import type { Unsubscribed } from '@holdfast/protocol/down';
import type { Welcome } from '@holdfast/protocol/down';
import type { Registered } from './authorization/authorization.ts';
import type { PresenceEvents } from './presence/presence.ts';

/** Why a client is closed for good. */
export type ClosedReason =
  /** `close()` was called. */
  | 'closed'
  /** The signal was aborted. */
  | 'aborted'
  /** The edge could not read what it was sent (4400). */
  | 'bad-frame'
  /** An operator disconnected it (4403). */
  | 'disconnected'
  /** A newer connection of the same client took over (4409). */
  | 'replaced'
  /** The registration is gone (4410, or control-api does not know the client): register again. */
  | 'unregistered'
  /** The authorization of a client that was connected by its id has ended (4401): a fresh token is needed. */
  | 'expired'
  /** `getToken` gave null, or control-api refused a token that it had just given. */
  | 'not-authorized';

export interface Closed {
  reason: ClosedReason;
  /** The WebSocket close code, when the edge closed. */
  code: number | undefined;
  /** For people: why a token was refused. */
  detail?: string | undefined;
}

export type StateChange =
  | { state: 'connecting'; url: string }
  | { state: 'open'; url: string }
  | {
      state: 'waiting';
      /** Until the next attempt, in milliseconds. */
      delayMs: number;
      /** Connections in a row that failed or did not last. */
      failures: number;
      code: number;
      /** For people. */
      why: string;
    }
  | { state: 'closed'; reason: ClosedReason };

export interface ListenerError {
  error: unknown;
  /** The event whose listener threw. */
  event: keyof ClientEvents | keyof PresenceEvents;
}

export interface ClientEvents {
  /** A connection is open: what it receives, and from which positions on. */
  welcome: Welcome;
  /** Each message once, in the order of its topic. */
  message: Message;
  subscribed: Subscribed;
  unsubscribed: Unsubscribed;
  /** Messages after `after`, up to `position`, are gone from the log for good. */
  lost: Lost;
  /** A token registered the client, or renewed its authorization. `clientId` may be another than before. */
  registered: Registered;
  /** The authorization ends soon. With `getToken` it is being renewed. */
  expiring: Expiring;
  state: StateChange;
  /** The last event: no reconnect follows. */
  closed: Closed;
  /** Every frame of the edge as it came, also those that are dropped as duplicates. */
  frame: string;
  /** A listener threw. Without a listener for this event the error is thrown where it ends the program or reaches `window.onerror`. */
  error: ListenerError;
}
