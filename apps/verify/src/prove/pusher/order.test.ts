import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Publication } from '../checker/truth.ts';
import type { MemberLog } from './log.ts';
import { joined, receptionsOf, truthOf } from './order.ts';

const CHANNEL = 'prove-1';

function publication(token: string, askedAt: number, answeredAt: number, kind: 'published' | 'unknown'): Publication {
  const outcome = kind === 'published' ? { kind, id: token } : { kind };
  return { topic: CHANNEL, token, askedAt, answeredAt, outcome };
}

function received(tokens: readonly string[]): MemberLog {
  const all = tokens.map((token, at) => ({ token, at: 1000 + at }));
  const subscriptions = [{ channel: CHANNEL, since: 0, until: null, received: all }];
  return { member: 0, channels: [CHANNEL], subscriptions, unexpected: [], handshakes: [] };
}

function orderOf(publications: readonly Publication[], ...logs: readonly (readonly string[])[]): string {
  const receptions = joined(logs.map((log) => receptionsOf([received(log)])));
  return truthOf(CHANNEL, publications, receptions)
    .messages.map(({ token }) => token)
    .join('');
}

describe('the order of a channel', () => {
  it('is that of the answers where one call ended before another began', () => {
    const calls = [publication('a', 1, 2, 'published'), publication('b', 3, 4, 'published')];
    expect(orderOf(calls)).toBe('ab');
    expect(orderOf(calls, ['b', 'a'])).toBe('ab');
  });

  it('is that in which clients received it where calls were under way together', () => {
    const calls = [publication('a', 1, 9, 'published'), publication('b', 2, 8, 'published')];
    expect(orderOf(calls, ['b', 'a'], ['b', 'a'])).toBe('ba');
    expect(orderOf(calls, ['b', 'a'], ['a', 'b'], ['b', 'a'])).toBe('ba');
  });

  it('has what was published without an answer where it was received, and not at all where it was not', () => {
    const calls = [
      publication('u', 1, 2, 'unknown'),
      publication('a', 3, 4, 'published'),
      publication('b', 5, 6, 'published'),
    ];
    expect(orderOf(calls, ['a', 'u', 'b'])).toBe('aub');
    expect(orderOf(calls, ['a', 'b'])).toBe('ab');
  });

  it('is found again from what several clients received, each a part of it', () => {
    const run = fc.property(
      fc.integer({ min: 2, max: 12 }),
      fc.array(fc.tuple(fc.nat(12), fc.integer({ min: 2, max: 12 })), { minLength: 1 }),
      fc.infiniteStream(fc.integer({ min: 0, max: 30 })),
      (count, parts, lead) => {
        const tokens = Array.from({ length: count }, (_, index) => `t${index}.`);
        // Asked for up to three calls before it was published.
        const calls = tokens.map((token, index) =>
          publication(token, index * 10 - (lead.next().value ?? 0), index * 10, 'published'),
        );
        const logs = [tokens, ...parts.map(([from, length]) => tokens.slice(from, from + length))];
        expect(orderOf(calls, ...logs)).toBe(tokens.join(''));
      },
    );
    fc.assert(run);
  });
});
