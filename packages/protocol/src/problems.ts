import { z } from 'zod';

/** Every error that HTTP answers can carry: a constant code, its status and a title for people. */
export const problems = {
  'invalid-request': { status: 400, title: 'The request is not of the form this call takes' },
  'malformed-json': { status: 400, title: 'The body is not JSON' },
  'key-in-query': { status: 400, title: 'API keys do not belong into a URL' },
  'too-many-topics': { status: 400, title: 'Too many topics' },
  'credential-missing': { status: 400, title: 'No client id was given' },
  'credential-malformed': { status: 400, title: 'The client id is not a UUID' },
  'bad-handshake': { status: 400, title: 'Not a WebSocket handshake of RFC 6455' },
  'signature-invalid': { status: 401, title: 'The request is not signed as it has to be' },
  'key-missing': { status: 403, title: 'An API key is needed' },
  'key-unknown': { status: 403, title: 'The API key is not known' },
  'key-expired': { status: 403, title: 'The API key has expired' },
  'token-invalid': { status: 403, title: 'The token is not valid' },
  'token-expired': { status: 403, title: 'The token has expired' },
  'token-revoked': { status: 403, title: 'The token has been revoked' },
  'not-permitted': { status: 403, title: 'The API key does not permit this' },
  'unknown-client': { status: 403, title: 'No such client is registered' },
  'origin-not-allowed': { status: 403, title: 'Pages of this origin may not connect' },
  'client-not-found': { status: 404, title: 'No such client is registered' },
  'topic-not-found': { status: 404, title: 'No such topic exists' },
  'edge-not-found': { status: 404, title: 'No such edge is alive' },
  'no-such-user': { status: 404, title: 'The user has no client' },
  'app-not-found': { status: 404, title: 'No API key has such an app' },
  'webhook-not-found': { status: 404, title: 'The file of webhooks has no such endpoint' },
  'key-not-found': { status: 404, title: 'The keys file has no such API key' },
  'presence-off': { status: 404, title: 'The topic has no presence' },
  'route-not-found': { status: 404, title: 'No such call exists' },
  'method-not-allowed': { status: 405, title: 'This path does not take that method' },
  'request-timeout': { status: 408, title: 'The request did not arrive in time' },
  'user-not-found': { status: 409, title: 'No such client is registered' },
  'client-exists': { status: 409, title: 'The client id is registered already' },
  'name-taken': { status: 409, title: 'The name is registered already' },
  'idempotency-conflict': { status: 409, title: 'The idempotency key was used for another message' },
  'quota-reached': { status: 409, title: 'The API key has as many clients as it may' },
  'topic-quota-reached': { status: 409, title: 'The API key has as many topics as it may' },
  'history-quota-reached': { status: 409, title: 'The histories of the API key hold as many messages as they may' },
  'key-exists': { status: 409, title: 'The keys file has an API key of this id already' },
  'own-key': { status: 409, title: 'An API key cannot delete itself' },
  'keys-file-read-only': { status: 409, title: 'The keys file cannot be changed from here' },
  'keys-file-unusable': { status: 409, title: 'There is no keys file, or it is broken' },
  'payload-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The body must be application/json' },
  'unsupported-encoding': { status: 415, title: 'The body must not be encoded' },
  'upgrade-required': { status: 426, title: 'This path speaks WebSocket only' },
  'too-many-handshakes': { status: 429, title: 'Too many refused handshakes from this address' },
  'too-many-resumes': { status: 429, title: 'This client comes back too often' },
  'too-many-calls': { status: 429, title: 'More calls than this caller may make' },
  'too-many-connections': { status: 429, title: 'More connections than one address may have' },
  'headers-too-large': { status: 431, title: 'The URL and the headers are too large' },
  'internal-error': { status: 500, title: 'Something went wrong here' },
  'redis-unavailable': { status: 503, title: 'Redis does not answer' },
  'keys-file-unavailable': { status: 503, title: 'The keys file cannot be written at the moment' },
  'api-busy': { status: 503, title: 'This control-api has as much to do as it may' },
  'edge-full': { status: 503, title: 'This edge holds as many connections as it may' },
  'edge-draining': { status: 503, title: 'This edge takes no more connections' },
  'edge-busy': { status: 503, title: 'This edge admits no more handshakes at the moment' },
} as const;

export type ProblemCode = keyof typeof problems;

export const problemCode = z.enum(Object.keys(problems) as [ProblemCode, ...ProblemCode[]]);

/** An RFC 9457 problem document. */
export const problem = z.object({
  type: z.string().describe('urn:holdfast:problem:<code>'),
  title: z.string(),
  status: z.int(),
  code: problemCode,
  detail: z.string().optional(),
  topics: z.array(z.string()).optional().describe('The topics that it is about'),
  errors: z
    .array(z.object({ field: z.string(), rule: z.string() }))
    .optional()
    .describe('Every field that was wrong, and the rule it broke'),
});

export type Problem = z.output<typeof problem>;

export type ProblemDetails = Pick<Partial<Problem>, 'detail' | 'topics' | 'errors'>;

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** The document for a code. */
export function problemOf(code: ProblemCode, details: ProblemDetails = {}): Problem {
  return { type: `urn:holdfast:problem:${code}`, ...problems[code], code, ...details };
}
