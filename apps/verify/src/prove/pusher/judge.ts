import type { MemberLog, Subscription } from './log.ts';
import type { ChannelTruth, Truth } from './order.ts';

export const faultKinds = ['lost', 'duplicated', 'reordered', 'phantom', 'busy-loop'] as const;

/**
 * - `lost`: published on a channel between the beginning and the end of a subscription, and not received.
 * - `duplicated`: received twice on one connection.
 * - `reordered`: received after one that was published later.
 * - `phantom`: never published, refused, not as it was published, or of a channel without a subscription.
 * - `busy-loop`: handshakes one right after the other.
 */
export type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  kind: FaultKind;
  member: number;
  channel: string;
  token: string;
}

export interface Run {
  /** Deliveries of what was published in between have time from the end on. */
  brokenAt: number;
  healedAt: number;
  /** When everybody had the last message, and nothing was published any more. */
  endAt: number;
}

/** What became of one client. */
export interface Verdict {
  faults: Fault[];
  received: number;
  /** Published while it had no subscription, or on their way when its connection ended. The protocol has no resume. */
  away: number;
}

/** A connection that stood for so long after a message was answered should have received it. */
const ARRIVES_MS = 5000;
/** By its rules a client makes one at once, and after that one a second. */
const MAX_HANDSHAKES = 3;
const WINDOW_MS = 1000;

/** Channels by name: each message with its place in the order. */
export type Truths = ReadonlyMap<string, { messages: readonly Truth[]; places: ReadonlyMap<string, number> }>;

export function indexTruths(truths: readonly ChannelTruth[]): Truths {
  return new Map(
    truths.map(({ channel, messages }) => [
      channel,
      { messages, places: new Map(messages.map(({ token }, place) => [token, place])) },
    ]),
  );
}

/** Compares what one client received with what was published. */
export function judge(truths: Truths, log: MemberLog, run: Run): Verdict {
  const faults: Fault[] = [];
  const { member } = log;
  for (const { token } of log.unexpected) faults.push({ kind: 'phantom', member, channel: 'no subscription', token });
  if (isBusyLoop(log.handshakes)) {
    faults.push({ kind: 'busy-loop', member, channel: '', token: `${log.handshakes.length} handshakes` });
  }
  let [received, away] = [0, 0];
  for (const channel of log.channels) {
    const { messages = [], places = new Map<string, number>() } = truths.get(channel) ?? {};
    const settled = new Set<number>();
    for (const subscription of log.subscriptions) {
      if (subscription.channel !== channel) continue;
      const blame = (kind: FaultKind, token: string) => faults.push({ kind, member, channel, token });
      const seen = placesOf(subscription, places, blame);
      received += subscription.received.length;
      const last = Math.max(-1, ...seen);
      for (const [place, message] of messages.entries()) {
        if (!seen.has(place)) {
          if (!isOwed(message, place < last, subscription, run)) continue;
          blame('lost', message.token);
        }
        settled.add(place);
      }
    }
    away += messages.length - settled.size;
  }
  return { faults, received, away };
}

/** The most handshakes within a second. */
function isBusyLoop(handshakes: readonly number[]): boolean {
  return handshakes.some((at, index) => (handshakes[index + MAX_HANDSHAKES] ?? Infinity) - at < WINDOW_MS);
}

/** Goes through what came on one subscription; what is no message of the channel, comes twice or too late is blamed. */
function placesOf(
  { received }: Subscription,
  places: ReadonlyMap<string, number>,
  blame: (kind: FaultKind, token: string) => void,
): ReadonlySet<number> {
  const seen = new Set<number>();
  let last = -1;
  for (const { token } of received) {
    const place = places.get(token);
    if (place === undefined) blame('phantom', token);
    else if (seen.has(place)) blame('duplicated', token);
    else {
      seen.add(place);
      if (place < last) blame('reordered', token);
      last = Math.max(last, place);
    }
  }
  return seen;
}

/** Whether a message that did not come had to: it was passed over, or had all the time that it may take. */
function isOwed(
  { askedAt, answeredAt }: Truth,
  isPassedOver: boolean,
  { since, until }: Subscription,
  { brokenAt, healedAt, endAt }: Run,
): boolean {
  if (askedAt < since || (until !== null && askedAt > until)) return false;
  if (isPassedOver) return true;
  const deliverable = answeredAt >= brokenAt ? Math.max(answeredAt, healedAt) : answeredAt;
  // Nothing is under way at the end of a run: everybody had the message after it.
  return until === null ? answeredAt <= endAt : until - deliverable >= ARRIVES_MS;
}
