import type { Lost } from '@holdfast/protocol/messages/lost';
import type { Message } from '@holdfast/protocol/messages/message';
import type { Subscribed } from '@holdfast/protocol/messages/subscribed';
import type { Unsubscribed } from '@holdfast/protocol/messages/unsubscribed';
import type { Welcome } from '@holdfast/protocol/messages/welcome';

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
  | 'unregistered';

export interface Closed {
  reason: ClosedReason;
  /** The WebSocket close code, when the edge closed. */
  code: number | undefined;
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
  event: keyof ClientEvents;
}

export interface ClientEvents {
  /** A connection begins: what it receives, and from where on. */
  welcome: Welcome;
  /** Each message once, in the order of its topic. */
  message: Message;
  subscribed: Subscribed;
  unsubscribed: Unsubscribed;
  /** Messages after `after`, up to `position`, are gone from the log for good. */
  lost: Lost;
  state: StateChange;
  /** The last event: no reconnect follows. */
  closed: Closed;
  /** Every frame of the edge as it came, also those that are dropped as duplicates. */
  frame: string;
  /** A listener threw. Without a listener for this event the error is thrown where it ends the program or reaches `window.onerror`. */
  error: ListenerError;
}
