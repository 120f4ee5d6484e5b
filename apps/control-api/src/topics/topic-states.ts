import type { Topics } from '@holdfast/broker/broker';
import type { ClientState, SubscriptionStart } from '@holdfast/broker/client-state';
import { type TopicState, isCurrent, startNow } from '@holdfast/broker/topic-state';
import { isUserTopic } from '@holdfast/broker/user-topic';
import { ProblemError } from '../http/problem-error.ts';

/** Topics in one read: a millisecond of this process and of Redis, for which every other call waits. */
const MAX_BATCH = 100;

/** Topic to its state; null for one that does not exist. */
export type TopicStates = ReadonlyMap<string, TopicState | null>;

/** Reads each topic once. Rejects with `RedisUnavailable`. */
export async function readStates(
  broker: Pick<Topics, 'readTopics'>,
  ...lists: Iterable<string>[]
): Promise<TopicStates> {
  const names = [...new Set(lists.flatMap((list) => [...list]))];
  const states = new Map<string, TopicState | null>();
  for (let from = 0; from < names.length; from += MAX_BATCH) {
    const batch = names.slice(from, from + MAX_BATCH);
    for (const [index, state] of (await broker.readTopics(batch)).entries()) states.set(batch[index] ?? '', state);
  }
  return states;
}

/**
 * The start positions of subscriptions made now: after each topic's last message.
 * @throws {ProblemError} topic-not-found, naming every topic that does not exist
 */
export function startsNow(states: TopicStates, topics: readonly string[]): Map<string, SubscriptionStart> {
  requireExisting(states, topics);
  return new Map(
    topics.flatMap((topic) => {
      const state = states.get(topic);
      return state ? [[topic, startNow(state)] as const] : [];
    }),
  );
}

/** @throws {ProblemError} topic-not-found, naming every topic that does not exist */
export function requireExisting(states: TopicStates, topics: readonly string[]): void {
  const missing = topics.filter((topic) => !states.get(topic));
  if (missing.length > 0) throw noSuchTopic(...missing);
}

export function noSuchTopic(...topics: string[]): ProblemError {
  return new ProblemError('topic-not-found', { detail: `No such topic: ${topics.join(', ')}`, topics });
}

/** The topics of a client by name. That of its user is none of its own: it is subscribed to it as long as it is registered. */
export function topicsOf(client: ClientState): string[] {
  return ownSubscriptions(client).map(([topic]) => topic);
}

/** A client's subscriptions to topics that were deleted, or deleted and created again. */
export function staleTopics(client: ClientState, states: TopicStates): Map<string, SubscriptionStart> {
  return new Map(ownSubscriptions(client).filter(([topic, start]) => !isCurrentTopic(states, topic, start)));
}

/** The topics that a client has, by name; never one that was deleted. */
export function currentTopics(client: ClientState, states: TopicStates): string[] {
  const current = ownSubscriptions(client).filter(([topic, start]) => isCurrentTopic(states, topic, start));
  return current.map(([topic]) => topic).toSorted();
}

function ownSubscriptions({ topics }: ClientState): [string, SubscriptionStart][] {
  return [...topics].filter(([topic]) => !isUserTopic(topic));
}

function isCurrentTopic(states: TopicStates, topic: string, start: SubscriptionStart): boolean {
  const state = states.get(topic);
  // One that was not read was added by another call in between, which has just seen it.
  return state === undefined || isCurrent(state, start);
}
