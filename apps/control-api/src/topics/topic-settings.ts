import type { TopicSettings } from '@holdfast/broker/broker';
import type { TopicDefaults } from '@holdfast/protocol/rest/topics';
import { ProblemError } from '../http/problem-error.ts';

/** What a topic is made with, or changed to, as the broker takes it. */
export function topicSettings({ history = {}, expireSeconds, presence }: TopicDefaults): TopicSettings {
  const { size, seconds } = history;
  return {
    ...(size === undefined ? {} : { size }),
    ...(seconds === undefined ? {} : { seconds }),
    expireSeconds,
    presence,
  };
}

export function overQuota(of: 'topics' | 'history'): ProblemError {
  const detail = 'By the API key that made the topic; topics that it deletes make room';
  return new ProblemError(of === 'topics' ? 'topic-quota-reached' : 'history-quota-reached', { detail });
}
