import type { Publication } from '../checker/truth.ts';
import type { MemberLog } from './log.ts';

/** A message that was published for certain. */
export interface Truth {
  token: string;
  askedAt: number;
  /** When the answer came; without an answer, when the first client had it. */
  answeredAt: number;
}

/** All that is known of one channel. */
export interface ChannelTruth {
  channel: string;
  /** In the order in which they were published. */
  messages: readonly Truth[];
}

/** What some clients received: the log of a channel cannot be read, so its order is taken from them all. */
export interface Receptions {
  /** When a token came first. */
  firstAt: Readonly<Record<string, number>>;
  /** How often one token came right after another on one connection: the key is both, with a blank between. */
  pairs: Readonly<Record<string, number>>;
}

export function receptionsOf(members: readonly MemberLog[]): Receptions {
  const firstAt: Record<string, number> = {};
  const pairs: Record<string, number> = {};
  for (const { subscriptions } of members) {
    for (const { received } of subscriptions) {
      let before: string | undefined;
      for (const { token, at } of received) {
        firstAt[token] = Math.min(firstAt[token] ?? Infinity, at);
        if (before !== undefined && before !== token) {
          const pair = `${before} ${token}`;
          pairs[pair] = (pairs[pair] ?? 0) + 1;
        }
        before = token;
      }
    }
  }
  return { firstAt, pairs };
}

export function joined(parts: readonly Receptions[]): Receptions {
  const firstAt: Record<string, number> = {};
  const pairs: Record<string, number> = {};
  for (const part of parts) {
    for (const [token, at] of Object.entries(part.firstAt)) firstAt[token] = Math.min(firstAt[token] ?? Infinity, at);
    for (const [pair, count] of Object.entries(part.pairs)) pairs[pair] = (pairs[pair] ?? 0) + count;
  }
  return { firstAt, pairs };
}

/**
 * The messages of a channel in the order in which they were published: one that was answered before another was asked for is
 * before it, and the rest is as most connections received it. A call without an answer has published when a client
 * received its message.
 */
export function truthOf(channel: string, publications: readonly Publication[], { firstAt, pairs }: Receptions) {
  const messages = publications.flatMap(({ token, askedAt, answeredAt, outcome }): Truth[] => {
    if (outcome.kind === 'published') return [{ token, askedAt, answeredAt }];
    const seenAt = firstAt[token];
    return outcome.kind === 'unknown' && seenAt !== undefined ? [{ token, askedAt, answeredAt: seenAt }] : [];
  });
  const byToken = new Map(messages.map((message) => [message.token, message]));
  const answered = new Set(publications.flatMap(({ token, outcome }) => (outcome.kind === 'published' ? [token] : [])));
  const isBefore = (one: Truth, other: Truth) =>
    one !== other && answered.has(one.token) && one.answeredAt <= other.askedAt;
  const edges = new Map(messages.map(({ token }) => [token, new Set<string>()]));
  for (const one of messages) {
    for (const other of messages) if (isBefore(one, other)) edges.get(one.token)?.add(other.token);
  }
  for (const [pair, count] of Object.entries(pairs)) {
    const [before = '', after = ''] = pair.split(' ');
    const [one, other] = [byToken.get(before), byToken.get(after)];
    // Those who received it otherwise are in the wrong.
    if (one === undefined || other === undefined || isBefore(other, one)) continue;
    if ((pairs[`${after} ${before}`] ?? 0) < count) edges.get(before)?.add(after);
  }
  return { channel, messages: sorted(messages, edges) } satisfies ChannelTruth;
}

/** In the order of the edges; where they leave it open, or contradict themselves, by when it was asked for. */
function sorted(messages: readonly Truth[], edges: ReadonlyMap<string, ReadonlySet<string>>): Truth[] {
  const waiting = new Map<string, number>(messages.map(({ token }) => [token, 0]));
  for (const targets of edges.values()) {
    for (const target of targets) waiting.set(target, (waiting.get(target) ?? 0) + 1);
  }
  const rest = messages.toSorted((a, b) => a.askedAt - b.askedAt);
  const result: Truth[] = [];
  while (rest.length > 0) {
    const ready = rest.findIndex(({ token }) => waiting.get(token) === 0);
    const [next] = rest.splice(Math.max(0, ready), 1);
    if (next === undefined) break;
    result.push(next);
    for (const target of edges.get(next.token) ?? []) waiting.set(target, (waiting.get(target) ?? 0) - 1);
  }
  return result;
}
