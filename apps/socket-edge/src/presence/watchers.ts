import type { PresenceSnapshot } from '@holdfast/broker/presence-state';
import type { TimeSlicer } from '../schedule/slicer.ts';
import type { Subscription } from '../topic/subscription.ts';
import type { Broadcast } from '../transport/transport.ts';
import type { LiveUpdate } from './replica.ts';

export interface WatchersDeps {
  topic: string;
  slicer: TimeSlicer;
  broadcast: Broadcast;
  /** Null when the topic has no presence. */
  readSnapshot: () => Promise<PresenceSnapshot | null>;
  /** So many frames were sent. */
  onSent: (frames: number) => void;
  /** The snapshot could not be read: `refresh` is to be called later. */
  onReadFailed: (error: unknown) => void;
}

/** The connections of this edge that are shown who is present on a topic, all by the same protocol. */
export interface Watchers {
  readonly size: number;
  /** The version that connections are brought to; null when nothing is known. */
  readonly version: number | null;
  /** Somebody watches, and nothing is known or being read. */
  readonly isIgnorant: boolean;
  has(subscription: Subscription): boolean;
  /** Shows it who is present, now or when that is known, and every change after. */
  add(subscription: Subscription): void;
  delete(subscription: Subscription): void;
  /** Nothing more is sent to anybody. */
  clear(): void;
  /** What is known is forgotten, because no connection needs it. */
  forget(): void;
  /** Its connection takes frames again. */
  onReady(subscription: Subscription): void;
  /** A version was published; it may have been missed, or come twice. */
  onLive(update: LiveUpdate): void;
  /** Reads a snapshot: what is known may be wrong. Never rejects. */
  refresh(): void;
}
