import { z } from 'zod';
import { MAX_INFO_BYTES, MAX_PATTERNS } from './limits.ts';
import { identityPattern, presencePattern, publishPattern } from './topic-name.ts';

const MAX_USER_LENGTH = 128;
const USER_LENGTH = `must be 1 to ${MAX_USER_LENGTH} characters`;
/** In presence a client without a user: `~` and its ref. */
const ANONYMOUS = /^~[0-9a-f]{16}$/;

/** Whether a member of presence is named by the ref of a client: no user has such a name. */
export function isAnonymous(member: string): boolean {
  return ANONYMOUS.test(member);
}

/** A user: the person, or whatever else, that several clients may belong to. Public; one name space for all API keys. */
export const userName = z
  .string()
  .min(1, USER_LENGTH)
  .max(MAX_USER_LENGTH, USER_LENGTH)
  .refine((name) => name.isWellFormed(), 'must be well-formed Unicode, without lone surrogates')
  .regex(/^[^\p{Cc}]*$/u, 'must not contain control characters')
  // As a part of a path, also percent-encoded, they are taken out by whoever makes a request: of another path.
  .refine((name) => name !== '.' && name !== '..', 'must not be "." or ".."')
  .refine((name) => !isAnonymous(name), 'must not be "~" and 16 hex digits: a client without a user')
  .describe('Public, and shared by all clients of one person');

/** What others see of a client beside its user. It comes from JSON, so that only its size is judged. */
export const clientInfo = z
  .unknown()
  .refine((value) => infoBytes(value) <= MAX_INFO_BYTES, `must be JSON of at most ${MAX_INFO_BYTES} bytes`)
  .meta({ description: `Public: any JSON of at most ${MAX_INFO_BYTES} bytes` });

function infoBytes(value: unknown): number {
  try {
    return new TextEncoder().encode(JSON.stringify(value)).length;
  } catch {
    // Nested too deeply to be written.
    return Infinity;
  }
}

const patterns = <Pattern extends z.ZodType>(pattern: Pattern) =>
  z.array(pattern).max(MAX_PATTERNS, `must be at most ${MAX_PATTERNS} patterns`);

/** What a client may do with its UUID, never more than its API key. What is not named it may not do. */
export const registeredMay = z
  .strictObject({
    subscribe: patterns(identityPattern).optional().describe('Topics that it may subscribe to by itself'),
    presence: patterns(identityPattern)
      .optional()
      .describe('Topics whose presence it may see; those of its API key when it is not given'),
  })
  .describe('What the client may do with its UUID: never more than its API key. Without it, what the API key may');

/** What the holder of a token may do; with `publish` besides, as a token can be asked for in each call. */
export const tokenMay = registeredMay.extend({
  publish: patterns(publishPattern).optional().describe('What it may publish to'),
  presence: patterns(presencePattern).optional(),
});

export type ClientMay = z.output<typeof tokenMay>;
