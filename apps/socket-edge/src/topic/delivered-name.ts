import { USER_TOPIC } from '@holdfast/protocol/topic-name';

/** What the name of a user's topic begins with; the user follows. No caller can name such a topic. */
const USER_TOPIC_PREFIX = `${USER_TOPIC}:`;

/** The name of a topic as it stands in frames: to its clients a user's topic is `@user`. */
export function deliveredName(topic: string): string {
  return topic.startsWith(USER_TOPIC_PREFIX) ? USER_TOPIC : topic;
}
