import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { faultsOf } from './faults.ts';
import { ProblemError } from './problem-error.ts';

/** What a caller calls the parts of a request, by what Fastify calls them. */
const PARTS: Readonly<Record<string, string>> = {
  body: 'body',
  params: 'path',
  querystring: 'query',
  headers: 'header',
};

/** Judges one part of a request by its zod schema; what is wrong becomes a 400 that names every field and its rule. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> =
  ({ schema, httpPart }) =>
  (data) => {
    const result = schema.safeParse(data);
    if (result.success) return { value: result.data };
    return { error: invalidRequest(result.error, PARTS[httpPart ?? ''] ?? 'request') };
  };

function invalidRequest({ issues }: z.ZodError, part: string): ProblemError {
  const code = issues.some(isTooManyTopics) ? 'too-many-topics' : 'invalid-request';
  return new ProblemError(code, { errors: faultsOf(issues, [part]) });
}

function isTooManyTopics(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'too_big' && issue.origin === 'array' && issue.path.at(-1) === 'topics';
}
