import { describe, expect, test } from 'vitest';
import { ProblemError } from '../http/problem-error.ts';
import { ByteBudget } from './byte-budget.ts';

const codeOf = (hold: () => unknown): string | undefined => {
  try {
    hold();
  } catch (error) {
    if (error instanceof ProblemError) return `${error.code} ${error.retryAfterSeconds}`;
    throw error;
  }
  return undefined;
};

describe('the bytes in flight', () => {
  test('are bounded for each caller and in all, and come back once', () => {
    const budget = new ByteBudget(100);
    const releases = ['a', 'b', 'c'].map((caller) => budget.hold(caller, 25));
    expect(codeOf(() => budget.hold('a', 1))).toBe('too-many-calls 1');
    const rest = budget.hold('d', 20);
    expect(codeOf(() => budget.hold('e', 6))).toBe('api-busy 1');
    expect(budget.held).toBe(95);
    for (const release of releases) {
      release();
      release();
    }
    expect(budget.held).toBe(20);
    expect(codeOf(() => budget.hold('a', 25))).toBeUndefined();
    rest();
    expect(budget.held).toBe(25);
  });
});
