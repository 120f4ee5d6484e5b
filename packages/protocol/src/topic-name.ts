import { z } from 'zod';

/** Long enough for any hierarchy, short enough that a key with it stays small. */
export const MAX_TOPIC_NAME_LENGTH = 200;

export const TOPIC_NAME = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;

/** The strict alphabet also keeps braces out of Redis keys, where they would move a key to another Cluster slot. */
export const topicName = z
  .string()
  .max(MAX_TOPIC_NAME_LENGTH, `must be at most ${MAX_TOPIC_NAME_LENGTH} characters`)
  .regex(TOPIC_NAME, 'must be segments of A-Z a-z 0-9 _ - joined by "."')
  // Topics are keys of JSON objects in frames and bodies, and parsers drop this one or take it for a prototype.
  .refine((name) => name !== '__proto__', 'must not be "__proto__"')
  .meta({ description: 'A topic: segments of letters, digits, _ and - joined by dots', not: { const: '__proto__' } });

/** What a name can begin with. */
export const topicPrefix = z
  .string()
  .regex(/^[A-Za-z0-9_.-]+$/, 'must be of A-Z a-z 0-9 _ - .')
  .max(MAX_TOPIC_NAME_LENGTH, `must be at most ${MAX_TOPIC_NAME_LENGTH} characters`);

export type TopicName = string;

/** The topic on which a client receives what was published to it alone. No created topic can have this name. */
export const INBOX_TOPIC = '@me';

/** The topic on which every connection of a user receives what was published to the user. */
export const USER_TOPIC = '@user';

/** What a frame may name as its topic. */
export const deliveredTopic = z.union([topicName, z.literal(INBOX_TOPIC), z.literal(USER_TOPIC)]);

const ANY_SEGMENT = '*';
const ANY_REST = '**';
/** Stands for the user of the client that a right is for. */
const OWN_USER = '{user}';

/** The right to publish to single clients (`POST /v1/clients/{clientId}/messages`), granted in `can.publish`. */
export const CLIENTS_PATTERN = '@clients';

/** The right to publish to users, granted in `can.publish`; to see who of them is connected, in `can.presence`. */
export const USERS_PATTERN = '@users';

const PATTERN = /^([A-Za-z0-9_-]+|\*)(\.([A-Za-z0-9_-]+|\*))*(\.\*\*)?$/;
const IDENTITY_PATTERN = /^([A-Za-z0-9_-]+|\*|\{user\})(\.([A-Za-z0-9_-]+|\*|\{user\}))*(\.\*\*)?$/;
const MAX_PATTERN_LENGTH = 250;

/** Topic pattern: segments joined by dots, `*` is exactly one segment, a closing `**` is one or more segments. */
export const topicPattern = z
  .string()
  .max(MAX_PATTERN_LENGTH, `must be at most ${MAX_PATTERN_LENGTH} characters`)
  .refine((text) => text === ANY_REST || PATTERN.test(text), {
    message: 'must be segments joined by ".", where "*" is one segment and a closing "**" is any rest',
  })
  .describe('A pattern of topic names: "*" is one segment, a closing "**" is any rest');

/** A topic pattern in which a segment may be `{user}`: the user of the client that the right is for. */
export const identityPattern = z
  .string()
  .max(MAX_PATTERN_LENGTH, `must be at most ${MAX_PATTERN_LENGTH} characters`)
  .refine((text) => text === ANY_REST || IDENTITY_PATTERN.test(text), {
    message:
      'must be segments joined by ".", where "*" is one segment, "{user}" the user of the client, and a closing "**" any rest',
  })
  .describe('A pattern of topic names: "*" is one segment, "{user}" the user of the client, a closing "**" any rest');

/** What may be published to: topic patterns, `@clients` for messages to single clients, `@users` for those to users. */
export const publishPattern = z.union([z.literal(CLIENTS_PATTERN), z.literal(USERS_PATTERN), identityPattern]);

/** Whose presence may be seen: topic patterns, and `@users` for whether users are connected. */
export const presencePattern = z.union([z.literal(USERS_PATTERN), identityPattern]);

/**
 * Whether `topic` fits `pattern`. Both are taken as valid.
 * @param user of the client that the right is for; null: `{user}` fits nothing. Compared as a whole segment, never parsed.
 */
export function matchesPattern(pattern: string, topic: string, user: string | null = null): boolean {
  const segments = pattern.split('.');
  const given = topic.split('.');
  for (const [index, segment] of segments.entries()) {
    if (segment === ANY_REST) return given.length > index;
    if (index >= given.length) return false;
    if (segment === ANY_SEGMENT) continue;
    if ((segment === OWN_USER ? user : segment) !== given[index]) return false;
  }
  return segments.length === given.length;
}

/** Whether any of the patterns fits. */
export function matchesAny(patterns: readonly string[], topic: string, user: string | null = null): boolean {
  return patterns.some((pattern) => matchesPattern(pattern, topic, user));
}
