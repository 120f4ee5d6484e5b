/** Every time is in milliseconds of the machine's monotonic clock. */
type Milliseconds = number;

/** One message that came, by its token. */
export interface Received {
  token: string;
  at: Milliseconds;
}

/** What one connection received on one channel. */
export interface Subscription {
  channel: string;
  /** When its `subscription_succeeded` came. */
  since: Milliseconds;
  /** When its connection ended; null: it stands. */
  until: Milliseconds | null;
  received: readonly Received[];
}

/** What one client saw, over all its connections. */
export interface MemberLog {
  member: number;
  /** Those that it takes part in. */
  channels: readonly string[];
  subscriptions: readonly Subscription[];
  /** Messages on a channel that the connection was not subscribed to. */
  unexpected: readonly Received[];
  /** When its handshakes began. */
  handshakes: readonly Milliseconds[];
}
