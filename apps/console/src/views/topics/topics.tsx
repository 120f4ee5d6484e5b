import type { ViewProps } from '../view.ts';
import { AllTopics } from './all-topics.tsx';
import { TopicPage } from './topic-page.tsx';

/** All topics, or one of them. */
export function Topics({ rest: [topic], query }: ViewProps) {
  return topic === undefined ? (
    <AllTopics prefix={query['prefix'] ?? ''} />
  ) : (
    <TopicPage key={topic} topic={topic} tab={query['tab']} />
  );
}
