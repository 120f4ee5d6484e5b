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

export type TopicName = string;

/** The topic on which a client receives what was published to it alone. No created topic can have this name. */
export const OWN_TOPIC = '@me';

/** What a frame may name as its topic. */
export const deliveredTopic = z.union([topicName, z.literal(OWN_TOPIC)]);
