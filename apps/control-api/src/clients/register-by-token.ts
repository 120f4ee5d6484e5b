import { setTimeout as delay } from 'node:timers/promises';
import type { ClientIdentity } from '@holdfast/broker/client-identity';
import type { ClientState, SubscriptionStart } from '@holdfast/broker/client-state';
import { startNow } from '@holdfast/broker/topic-state';
import type { Position } from '@holdfast/protocol/position-order';
import type { registerResponse } from '@holdfast/protocol/rest/clients';
import type { z } from 'zod';
import { deniedTopics, requireTopics } from '../auth/authorization.ts';
import { principalOfToken } from '../auth/principal.ts';
import { tokenRevoked } from '../auth/tokens/refusals.ts';
import type { VerifiedToken } from '../auth/tokens/token-verifier.ts';
import { ProblemError, RETRY_AFTER_SECONDS } from '../http/problem-error.ts';
import type { Services } from '../services.ts';
import { ensureTopics } from '../topics/create-on-demand.ts';
import {
  type TopicStates,
  currentTopics,
  missingTopics,
  readStates,
  staleTopics,
  startsNow,
  topicsOf,
} from '../topics/topic-states.ts';
import { seesPresence } from './client-identity.ts';
import { registerNew } from './new-client.ts';
import { registrationRefusal } from './register.ts';

/** A name is reserved for milliseconds before its client is there; longer, and its process died or the client was lost. */
const ATTEMPTS = 10;
const PAUSE_MS = 100;

/** Null: the client that has the name is not there yet, or was unregistered in between. */
type Attempt = { readonly created: boolean; readonly clientId: string; readonly topics: string[] } | null;

export interface RegisteredByToken {
  /** False: the client was there, and has the rights and the end of this token from now on. */
  readonly created: boolean;
  readonly answer: z.output<typeof registerResponse>;
}

/**
 * Registers the client that a token speaks for, or gives it what this token says when it is there.
 * @throws {ProblemError} not-permitted, topic-not-found, topic-quota-reached, history-quota-reached, too-many-topics,
 *   name-taken, quota-reached, token-revoked, or api-busy while the name is reserved
 */
export async function registerByToken(services: Services, token: VerifiedToken): Promise<RegisteredByToken> {
  // What it is subscribed to is the issuer's to say: `may` is for what it asks for by itself.
  requireTopics({ ...principalOfToken(token), may: null }, 'subscribe', token.topics);
  // Read before the client is made: a failure here must not leave a client whose id no caller has.
  const connect = await services.edges.connectInfo();
  const done = (await registerInTime(services, token)) ?? (await registerAfterLoss(services, token));
  if (done === null) {
    throw new ProblemError('api-busy', {
      detail: `A registration or unregistration of the client ${JSON.stringify(token.client)} is not completed yet`,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
  }
  await requireNotRevoked(services, token, done.clientId);
  const { created, clientId, topics } = done;
  const expiresAt = new Date(token.expiresAt).toISOString();
  return { created, answer: { clientId, name: token.client, topics, connect, expiresAt } };
}

async function registerInTime(services: Services, token: VerifiedToken): Promise<Attempt> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const done = await registerOnce(services, token);
    if (done !== null) return done;
    await delay(PAUSE_MS);
  }
  return null;
}

/** A fail-over of its Cluster node may have lost the client, while the node of its key has kept the name. */
async function registerAfterLoss(services: Services, token: VerifiedToken): Promise<Attempt> {
  const { broker } = services;
  const find = () => broker.findByName(token.key.id, token.client);
  const clientId = await find();
  if (clientId !== null) {
    const released = await broker.releaseLostName(token.key.id, token.client, clientId);
    if (!released && (await find()) === clientId && (await broker.readClient(clientId)) === null) return null;
  }
  // Of several calls one frees the name and one takes it first; the others wait for the client of that one.
  return registerInTime(services, token);
}

async function registerOnce(services: Services, token: VerifiedToken): Promise<Attempt> {
  const { broker } = services;
  const clientId = await broker.findByName(token.key.id, token.client);
  if (clientId === null) return create(services, token);
  const client = await broker.readClient(clientId);
  return client === null ? null : renew(services, token, client);
}

async function create(services: Services, token: VerifiedToken): Promise<Attempt> {
  const { broker, counts } = services;
  const { key, client: name, topics } = token;
  const states = await ensureTopics(services, principalOfToken(token), await readStates(broker, topics), topics);
  const starts = startsNow(states, topics);
  const client = { key: key.id, name, registeredAt: Date.now(), topics: starts, identity: identityOf(token) };
  const { clientId, outcome } = await registerNew(broker, client, key.maxClients);
  counts.registrations.inc({ outcome });
  // Another call was first: its client is renewed.
  if (outcome === 'name-taken') return null;
  if (outcome !== 'registered') throw registrationRefusal(outcome, key, name);
  return { created: true, clientId, topics: topics.toSorted() };
}

async function renew(services: Services, token: VerifiedToken, client: ClientState): Promise<Attempt> {
  requireSameUser(client, token);
  const { broker, counts } = services;
  const { clientId } = client;
  const found = await readStates(broker, token.topics, topicsOf(client));
  const states = await ensureTopics(services, principalOfToken(token), found, neededTopics(client, token, found));
  const kept = new Set(token.topics);
  const left = (client.identity.token?.topics ?? []).filter((topic) => !kept.has(topic));
  const outcome = await broker.renew(clientId, {
    identity: identityOf(token),
    topics: startsOf(client, token, states),
    endsAt: new Map(left.map((topic): [string, Position] => [topic, states.get(topic)?.last ?? ''])),
    stale: staleTopics(client, states),
  });
  if (outcome.kind === 'not-found') return null;
  if (outcome.kind === 'too-many') throw new ProblemError('too-many-topics');
  counts.registrations.inc({ outcome: 'renewed' });
  return { created: false, clientId, topics: currentTopics(outcome.client, states) };
}

/**
 * Those of a further token's topics without which it is refused. A subscription to one that has expired holds; and one that
 * the client was given before, and that was deleted, is made again where that is permitted, or else left out.
 */
function neededTopics(client: ClientState, token: VerifiedToken, states: TopicStates): string[] {
  const current = new Set(currentTopics(client, states));
  const added = token.topics.filter((topic) => !current.has(topic));
  const given = new Set([...topicsOf(client), ...(client.identity.token?.topics ?? [])]);
  const gone = missingTopics(states, added).filter((topic) => given.has(topic));
  const leftOut = new Set(deniedTopics(principalOfToken(token), 'create', gone));
  return added.filter((topic) => !leftOut.has(topic));
}

/** The starts of a further token's subscriptions: to topics that are there, and to those that have expired and are had. */
function startsOf(client: ClientState, token: VerifiedToken, states: TopicStates): Map<string, SubscriptionStart> {
  const current = new Set(currentTopics(client, states));
  return new Map(
    token.topics.flatMap((topic) => {
      const state = states.get(topic);
      return state && (!state.dormant || current.has(topic)) ? [[topic, startNow(state)] as const] : [];
    }),
  );
}

/** @throws {ProblemError} name-taken: no token gets at the client of another user, nor at one of an API key */
function requireSameUser({ identity, name }: ClientState, { user, key }: VerifiedToken): void {
  if (identity.token !== null && identity.user === user) return;
  const whose = identity.token === null ? 'was registered with the API key itself' : 'belongs to another user';
  throw new ProblemError('name-taken', {
    detail: `The client ${JSON.stringify(name)} of the API key "${key.id}" ${whose}`,
  });
}

/** A revocation may have come after the token was looked at, and before the client could be found by it. */
async function requireNotRevoked({ broker }: Services, token: VerifiedToken, clientId: string): Promise<void> {
  const revokedBefore = await broker.revokedBefore(token.user, token.key.id);
  if (token.issuedAt >= revokedBefore) return;
  await broker.revokeClient(clientId, revokedBefore);
  throw tokenRevoked();
}

function identityOf({ key, user, info, may, expiresAt, issuedAt, topics }: VerifiedToken) {
  return {
    user,
    info,
    may,
    seesPresence: seesPresence(key, may),
    token: { expiresAt, issuedAt, topics },
  } satisfies ClientIdentity;
}
