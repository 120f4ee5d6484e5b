import type { ApiKey } from '@holdfast/protocol/api-key';
import { CLIENTS_PATTERN, matchesAny } from '@holdfast/protocol/topic-name';
import type { FastifyRequest } from 'fastify';
import { ProblemError } from '../http/problem-error.ts';
import { type KeyRing, hasExpired, presentedKey } from './authentication.ts';

/** A right that a key has or has not, whatever the topic. */
type Right = 'register' | 'manage' | 'publish' | 'publish to clients';

/** A right over topics, given by patterns. */
type TopicRight = 'subscribe' | 'publish' | 'manage';

const has: Record<Right, (key: ApiKey) => boolean> = {
  register: ({ can }) => can.register,
  manage: ({ can }) => can.manage.length > 0,
  publish: ({ can }) => can.publish.length > 0,
  // Not by matching: "*" is one segment of a topic, and "@clients" is no topic.
  'publish to clients': ({ can }) => can.publish.includes(CLIENTS_PATTERN) || can.publish.includes('**'),
};

/** A hook for the calls that need a valid key, and maybe a right; before the body is read. */
export function needsKey(keys: KeyRing, right?: Right) {
  return async (request: FastifyRequest): Promise<void> => {
    const key = keys.check(presentedKey(request));
    if (right !== undefined) requireRight(key, right);
    request.apiKey = key;
  };
}

/** The key of a call that `needsKey` has let through. */
export function keyOf(request: Pick<FastifyRequest, 'apiKey'>): ApiKey {
  if (request.apiKey === null) throw new Error('This call asks for no API key');
  return request.apiKey;
}

/** @throws {ProblemError} not-permitted */
export function requireRight(key: ApiKey, right: Right): void {
  if (has[right](key)) return;
  throw new ProblemError('not-permitted', { detail: `The API key "${key.id}" has no right to ${right}` });
}

/** Whether a key may change clients that were registered with another one, or with itself. */
function mayManageClientsOf(key: ApiKey, owner: string): boolean {
  return key.can.manage.length > 0 && (owner === key.id || key.can.manage.includes('**'));
}

/**
 * A key manages the clients that were registered with it, and with `**` those of all keys.
 * @throws {ProblemError} not-permitted
 */
export function requireManaging(key: ApiKey, owner: string): void {
  if (mayManageClientsOf(key, owner)) return;
  throw new ProblemError('not-permitted', {
    detail: `The client belongs to another API key; to manage it "${key.id}" would need "**" in can.manage`,
  });
}

/** Those of the topics that no pattern of the key fits. */
export function deniedTopics(key: ApiKey, right: TopicRight, topics: readonly string[]): string[] {
  return topics.filter((topic) => !matchesAny(key.can[right], topic));
}

/** @throws {ProblemError} not-permitted, naming the topics */
export function requireTopics(key: ApiKey, right: TopicRight, topics: readonly string[]): void {
  const denied = deniedTopics(key, right, topics);
  if (denied.length > 0) throw topicsDenied(key, right, denied);
}

/** The right to subscribe or to publish includes reading. @throws {ProblemError} not-permitted */
export function requireReading(key: ApiKey, topic: string): void {
  if (matchesAny([...key.can.subscribe, ...key.can.publish], topic)) return;
  throw topicsDenied(key, 'subscribe', [topic]);
}

/**
 * A client subscribes by the rights that the key it was registered with has now.
 * @throws {ProblemError} not-permitted
 */
export function requireSubscribing(keys: KeyRing, keyId: string, topics: readonly string[]): void {
  const key = keys.get(keyId);
  if (key === undefined) throw clientsKeyGone(`The API key "${keyId}", which the client was registered with, is gone`);
  if (hasExpired(key))
    throw clientsKeyGone(`The API key "${keyId}", which the client was registered with, has expired`);
  requireTopics(key, 'subscribe', topics);
}

function clientsKeyGone(detail: string): ProblemError {
  return new ProblemError('not-permitted', { detail });
}

function topicsDenied(key: ApiKey, right: TopicRight, topics: string[]): ProblemError {
  const detail = `The API key "${key.id}" has no right to ${right} ${topics.join(', ')}`;
  return new ProblemError('not-permitted', { detail, topics });
}
