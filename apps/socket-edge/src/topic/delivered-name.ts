import { isUserTopic } from '@holdfast/broker/user-topic';
import { USER_TOPIC } from '@holdfast/protocol/topic-name';

/** The name of a topic as it stands in frames: to its clients a user's topic is `@user`. */
export function deliveredName(topic: string): string {
  return isUserTopic(topic) ? USER_TOPIC : topic;
}
