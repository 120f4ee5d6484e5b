import { clientId, clientIdOrRef } from '@holdfast/protocol/client-id';
import { DEFAULT_PAGE, MAX_PAGE } from '@holdfast/protocol/limits';
import { type ProblemCode, PROBLEM_MEDIA_TYPE, problem, problems } from '@holdfast/protocol/problems';
import { topicName } from '@holdfast/protocol/topic-name';
import { userName } from '@holdfast/protocol/user';
import { z } from 'zod';

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
/** What a call that takes a token may answer besides. */
export const TOKEN_CODES = [
  'token-invalid',
  'token-expired',
  'token-revoked',
  'not-permitted',
  'too-many-calls',
] as const;
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

/** The parts of calls that several share. */

export const clientPath = z.object({ clientId });

export const namedClientPath = z.object({ clientId: clientIdOrRef });

/** Percent-encoded in the path. */
export const userPath = z.object({ user: userName });

export const topicPath = z.object({ topic: topicName });

/** As GET /v1/edges names it. */
export const edgePath = z.object({ edge: z.string().regex(/^[\w-]{1,64}$/, 'must be the id of an edge') });

/** Where a page of clients starts. Not a client id: those are credentials. */
export const clientsCursor = z.string().regex(/^[0-9a-f]{32}$/, 'must be the cursor of the page before');

/** How many items a page holds at most. Digits only: a number in the document, a text in a query. */
export const pageLimit = z
  .custom<string>(
    (text) => typeof text === 'string' && /^\d{1,4}$/.test(text),
    `must be a whole number from 1 to ${MAX_PAGE}`,
  )
  .transform(Number)
  .pipe(z.int().min(1, `must be at least 1`).max(MAX_PAGE, `must be at most ${MAX_PAGE}`))
  .prefault(String(DEFAULT_PAGE))
  .meta({
    description: `How many at most: 1 to ${MAX_PAGE}`,
    type: 'integer',
    minimum: 1,
    maximum: MAX_PAGE,
    default: DEFAULT_PAGE,
  });

/** `true` or `false` in a query: a boolean in the document. */
export function flagInQuery(preset: boolean, description: string) {
  return z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .prefault(preset ? 'true' : 'false')
    .meta({ description, type: 'boolean', default: preset });
}

/** The ways to present an API key, for the document. */
export const securitySchemes = {
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: '`<id>.<secret>`' },
  bearer: { type: 'http', scheme: 'bearer', description: '`Authorization: Bearer <id>.<secret>`' },
  token: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A JSON Web Token whose header names an API key with `tokens` as its `kid`',
  },
  signature: {
    type: 'apiKey',
    in: 'query',
    name: 'auth_signature',
    description: 'HMAC-SHA256 of the request by the secret of an app, as server libraries of Pusher make it',
  },
} as const;

/** A call that needs an API key, in one of the two ways. */
export const keyed: Record<string, string[]>[] = [{ apiKey: [] }, { bearer: [] }];

/** A call that needs an API key or a token. */
export const keyedOrToken: Record<string, string[]>[] = [...keyed, { token: [] }];

/** A call that needs a key only for a client that is named by its `ref`. */
export const keyedForRef: Record<string, string[]>[] = [{}, ...keyedOrToken];

/** A call for which the client's UUID in its path is enough; with a token that must be the client's. */
export const openOrToken: Record<string, string[]>[] = [{}, { token: [] }];

/** A call that needs none: there is nothing to protect, or the client's UUID in its path is the credential. */
export const open: Record<string, string[]>[] = [];
