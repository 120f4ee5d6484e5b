import { PROBLEM_MEDIA_TYPE, type ProblemCode, problem, problems } from '@holdfast/protocol/problems';
import type { z } from 'zod';

/** What any call under /v1 may answer. */
const ALWAYS: readonly ProblemCode[] = [
  'key-in-query',
  'invalid-request',
  'request-timeout',
  'too-many-connections',
  'headers-too-large',
  'internal-error',
  'redis-unavailable',
  'api-busy',
];
/** What a call that needs an API key may answer besides. */
export const KEY_CODES = ['key-missing', 'key-unknown', 'key-expired', 'not-permitted', 'too-many-calls'] as const;
/** What a call that takes a body may answer besides. */
export const BODY_CODES = [
  'malformed-json',
  'payload-too-large',
  'unsupported-media-type',
  'unsupported-encoding',
] as const;

/**
 * The answers of a call: its successes by status, and a problem document for each status of the codes it may give.
 * The problems are not in the type: handlers throw them.
 */
export function answers<Successes extends Record<number, z.ZodType>>(
  successes: Successes,
  codes: readonly ProblemCode[] = [],
): Successes {
  const byStatus = Map.groupBy([...ALWAYS, ...codes], (code) => problems[code].status);
  const failures = [...byStatus].map(([status, group]) => [
    status,
    { description: describeCodes(group), content: { [PROBLEM_MEDIA_TYPE]: { schema: problem } } },
  ]);
  return { ...successes, ...Object.fromEntries(failures) };
}

function describeCodes(codes: readonly ProblemCode[]): string {
  return codes.map((code) => `\`${code}\`: ${problems[code].title}.`).join(' ');
}
