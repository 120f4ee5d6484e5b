import { describe, expect, test } from 'vitest';
import { type ProblemCode, problem, problemOf, problems } from './problems.ts';

describe('a problem document', () => {
  test.each(Object.keys(problems) as ProblemCode[])('of %s is of the form it is said to have', (code) => {
    const document = problemOf(code, {
      detail: 'why',
      topics: ['news'],
      errors: [{ field: 'topics', rule: 'must be' }],
    });
    expect(problem.parse(document)).toEqual(document);
    expect(document).toMatchObject({ code, type: `urn:holdfast:problem:${code}`, status: problems[code].status });
    expect(document.status).toBeGreaterThanOrEqual(400);
    expect(document.status).toBeLessThan(600);
  });

  test('has the statuses that calls are documented with', () => {
    expect(problems['user-not-found'].status).toBe(409);
    expect(problems['unknown-client'].status).toBe(403);
    expect(problems['client-not-found'].status).toBe(404);
    expect(problems['topic-not-found'].status).toBe(404);
    expect(problems['redis-unavailable'].status).toBe(503);
  });
});
