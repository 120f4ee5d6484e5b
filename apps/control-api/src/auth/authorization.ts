import type { ApiKey } from '@holdfast/protocol/api-key';
import { CLIENTS_PATTERN, USERS_PATTERN, matchesAny } from '@holdfast/protocol/topic-name';
import type { FastifyRequest } from 'fastify';
import { ProblemError } from '../http/problem-error.ts';
import { type KeyRing, presentedCredential } from './authentication.ts';
import { type Principal, principalOfKey } from './principal.ts';

/** A right that a key has or has not, whatever the topic. */
export type Right =
  'register' | 'manage' | 'manage everything' | 'publish' | 'publish to clients' | 'publish to users' | 'look at users';

/** A right over topics, given by patterns. */
export type TopicRight = 'subscribe' | 'publish' | 'manage' | 'create' | 'presence';

const has: Record<Right, (principal: Principal) => boolean> = {
  // A token registers the client that it speaks for.
  register: ({ kind, key }) => (kind === 'key' ? key.can.register : kind === 'token'),
  manage: ({ kind, key }) => kind === 'key' && key.can.manage.length > 0,
  'manage everything': ({ kind, key }) => kind === 'key' && key.can.manage.includes('**'),
  publish: (principal) => permits(principal, 'publish', (patterns) => patterns.length > 0),
  'publish to clients': (principal) => allowsAddressee(principal, CLIENTS_PATTERN),
  'publish to users': (principal) => allowsAddressee(principal, USERS_PATTERN),
  'look at users': (principal) =>
    has.manage(principal) || permits(principal, 'presence', (patterns) => patterns.includes(USERS_PATTERN)),
};

/**
 * The lists of patterns, one of each of which a topic must fit; none: there is no such right. They are those of the API key, and those of a client's or a token's
 * `may`. Without a `may` a client subscribes and sees presence as its API key does, and publishes nothing: who may publish
 * is said in so many words.
 */
function patternsOf({ kind, key, may }: Principal, right: TopicRight): (readonly string[])[] {
  const ofKey = key.can[right];
  if (kind === 'key') return [ofKey];
  if (right === 'manage') return [];
  if (right === 'publish') return kind === 'token' && may?.publish !== undefined ? [ofKey, may.publish] : [];
  if (right === 'subscribe' && may !== null) return [ofKey, may.subscribe ?? []];
  if (right === 'presence' && may?.presence !== undefined) return [ofKey, may.presence];
  return [ofKey];
}

/** Whether there is such a right, and each of its lists of patterns fits. */
function permits(principal: Principal, right: TopicRight, fits: (patterns: readonly string[]) => boolean): boolean {
  const lists = patternsOf(principal, right);
  return lists.length > 0 && lists.every((patterns) => fits(patterns));
}

/** Not by matching: "*" is one segment of a topic, and "@clients" is no topic. */
function allowsAddressee(principal: Principal, addressee: string): boolean {
  return permits(principal, 'publish', (patterns) => patterns.includes(addressee) || patterns.includes('**'));
}

/** A hook for the calls that need a valid API key, and maybe a right; before the body is read. */
export function needsKey(keys: KeyRing, right?: Right) {
  return async (request: FastifyRequest): Promise<void> => {
    const credential = presentedCredential(request);
    if (credential?.kind === 'token') {
      throw new ProblemError('not-permitted', { detail: 'This call takes an API key, and no token' });
    }
    const principal = principalOfKey(keys.check(credential?.key));
    // First: a refusal is in the audit log, with the key.
    request.principal = principal;
    if (right !== undefined) requireRight(principal, right);
  };
}

/** By whose rights a call is made that `needsKey` or `needsKeyOrToken` has let through. */
export function principalOf(request: Pick<FastifyRequest, 'principal'>): Principal {
  if (request.principal === null) throw new Error('This call asks for no credential');
  return request.principal;
}

/** The API key of such a call. */
export function keyOf(request: Pick<FastifyRequest, 'principal'>): ApiKey {
  return principalOf(request).key;
}

/** @throws {ProblemError} not-permitted */
export function requireRight(principal: Principal, right: Right): void {
  if (has[right](principal)) return;
  throw new ProblemError('not-permitted', { detail: `${nameOf(principal)} has no right to ${right}` });
}

/** Whether a key may change clients that were registered with another one, or with itself. */
export function mayManageClientsOf(key: ApiKey, owner: string): boolean {
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

/** Those of the topics to which the principal has no such right. */
export function deniedTopics(principal: Principal, right: TopicRight, topics: readonly string[]): string[] {
  return topics.filter(
    (topic) => !permits(principal, right, (patterns) => matchesAny(patterns, topic, principal.user)),
  );
}

/** @throws {ProblemError} not-permitted, naming the topics */
export function requireTopics(principal: Principal, right: TopicRight, topics: readonly string[]): void {
  const denied = deniedTopics(principal, right, topics);
  if (denied.length > 0) throw topicsDenied(principal, right, denied);
}

/** The right to subscribe or to publish includes reading. @throws {ProblemError} not-permitted */
export function requireReading(principal: Principal, topic: string): void {
  const denied = (right: TopicRight) => deniedTopics(principal, right, [topic]).length > 0;
  if (denied('subscribe') && denied('publish')) throw topicsDenied(principal, 'subscribe', [topic]);
}

function topicsDenied(principal: Principal, right: TopicRight, topics: string[]): ProblemError {
  const act = right === 'presence' ? 'see the presence of' : right;
  return new ProblemError('not-permitted', {
    detail: `${nameOf(principal)} has no right to ${act} ${topics.join(', ')}`,
    topics,
  });
}

const KINDS = { key: '', client: 'A client of ', token: 'The token of ' };

function nameOf({ kind, key }: Principal): string {
  return kind === 'key' ? `The API key "${key.id}"` : `${KINDS[kind]}the API key "${key.id}"`;
}
