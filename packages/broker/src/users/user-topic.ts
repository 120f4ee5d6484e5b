/** What the names of users' topics begin with: no topic that a caller names has it, for "@" is not in its alphabet. */
const PREFIX = '@user:';

/** The name under which a user's own topic is kept. Callers and connections know it as `@user`. */
export function userTopic(user: string): string {
  return PREFIX + encodeURIComponent(user);
}

/** The user whose topic it is. */
export function userOfTopic(topic: string): string {
  return decodeURIComponent(topic.slice(PREFIX.length));
}

export function isUserTopic(topic: string): boolean {
  return topic.startsWith(PREFIX);
}
