import { describe, expect, test } from 'vitest';
import { ProblemError } from '../http/problem-error.ts';
import { ClientRates } from './client-rates.ts';

function taken(rates: ClientRates, client: string, most = 10_000): number {
  for (let calls = 0; calls < most; calls += 1) {
    try {
      rates.take(client);
    } catch (error) {
      if (error instanceof ProblemError) return calls;
      throw error;
    }
  }
  return most;
}

describe('the rate of a client', () => {
  test('allows ten seconds of calls at once, then so many a second, and does not concern other clients', () => {
    let now = 0;
    const rates = new ClientRates(5, () => now);
    expect(taken(rates, 'a')).toBe(50);
    expect(taken(rates, 'b')).toBe(50);
    now += 1000;
    expect(taken(rates, 'a')).toBe(5);
    now += 3_600_000;
    expect(taken(rates, 'a')).toBe(50);
  });

  test('counts twenty topics as a call, lets the client owe them, and says when it may come again', () => {
    let now = 0;
    const rates = new ClientRates(2, () => now);
    rates.take('a');
    rates.chargeTopics('a', 440);
    expect(() => rates.take('a')).toThrow(expect.objectContaining({ code: 'too-many-calls', retryAfterSeconds: 2 }));
    now += 2000;
    expect(taken(rates, 'a')).toBe(1);
  });
});
