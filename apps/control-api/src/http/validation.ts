import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { ProblemError } from './problem-error.ts';

/** The names of a request's parts in answers, by Fastify's names. */
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

/** One field that is wrong, and the rule it broke. */
export interface Fault {
  field: string;
  rule: string;
}

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** The field of a path as people write it: `body.topics[1]`. */
function fieldName(path: Path): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index ? '.' : ''}${String(part)}`))
    .join('');
}

/** What zod found wrong, one entry for each field; `root` is what the paths begin with, such as "body". */
export function faultsOf(issues: readonly Issue[], root: Path = []): Fault[] {
  return issues.flatMap((issue) => {
    const path = [...root, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ field: fieldName([...path, key]), rule: 'is not a field of this call' }));
    }
    if (issue.code === 'invalid_union') {
      const branch = likeliestBranch(issue.errors);
      if (branch !== undefined) return faultsOf(branch, path);
    }
    return { field: fieldName(path), rule: ruleOf(issue) };
  });
}

/** Our own rules as they are; zod's words for a value that is missing or of another type, in the form of ours. */
function ruleOf(issue: Issue): string {
  if (issue.code !== 'invalid_type' || !issue.message.startsWith('Invalid input')) return issue.message;
  return issue.message.endsWith('received undefined') ? 'must be given' : `must be of the type ${issue.expected}`;
}

/** Where several forms are allowed, the one that was meant got furthest before it failed; undefined when none got in. */
function likeliestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return branches.find((issues) => issues.some((issue) => issue.path.length > 0));
}

/** The faults as one phrase. */
export function phraseOf(faults: readonly Fault[]): string {
  return faults.map(({ field, rule }) => (field === '' ? rule : `${field}: ${rule}`)).join('; ');
}
