import { deniedTopics } from '../auth/authorization.ts';
import { type Principal, callerOf } from '../auth/principal.ts';
import type { Services } from '../services.ts';
import { overQuota, topicSettings } from './topic-settings.ts';
import { type TopicStates, missingTopics, noSuchTopic } from './topic-states.ts';

type Making = Pick<Services, 'broker' | 'keys' | 'rates'>;

/** Topics made at a time: a client may ask for a thousand. */
const MAX_BATCH = 20;

/**
 * Makes those of the topics that do not exist, with the defaults of the API key, where the principal's right to create
 * covers all of them. What else the call needs is to be checked before. Of several, some may have been made when the
 * quota is reached.
 * @returns the states, with those of the topics made
 * @throws {ProblemError} topic-not-found, naming every topic that may not be made: then none is;
 *   topic-quota-reached or history-quota-reached; too-many-calls for a user whose tokens make them without end
 */
export async function ensureTopics(
  { broker, keys, rates }: Making,
  principal: Principal,
  states: TopicStates,
  topics: readonly string[],
): Promise<TopicStates> {
  const missing = missingTopics(states, topics);
  if (missing.length === 0) return states;
  const denied = deniedTopics(principal, 'create', missing);
  if (denied.length > 0) throw noSuchTopic(...denied);
  // A client that subscribes by its UUID is charged by its call; an API key has a quota and no rate.
  if (principal.kind === 'token') rates.takeCreations(callerOf(principal), missing.length);
  const { key } = principal;
  const owner = { key: key.id, quotaOf: (id: string) => keys.get(id) };
  const settings = topicSettings(key.topicDefaults ?? {});
  const after = new Map(states);
  for (let from = 0; from < missing.length; from += MAX_BATCH) {
    const batch = missing.slice(from, from + MAX_BATCH);
    const outcomes = await Promise.all(batch.map((topic) => broker.createTopicOf(owner, topic, settings)));
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.kind !== 'put') throw overQuota(outcome.kind);
      after.set(batch[index] ?? '', outcome.state);
    }
  }
  return after;
}

/** The same for one topic of which nothing but that it does not exist is known. */
export async function createTopic(services: Making, principal: Principal, topic: string): Promise<void> {
  await ensureTopics(services, principal, new Map(), [topic]);
}
