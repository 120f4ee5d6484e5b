import { type ClientIdentity, NO_IDENTITY } from '@holdfast/broker/client-identity';
import type { ApiKey } from '@holdfast/protocol/api-key';
import { USERS_PATTERN } from '@holdfast/protocol/topic-name';
import type { ClientMay } from '@holdfast/protocol/user';

/** What a registration says of who the client is. */
export interface GivenIdentity {
  user?: string | undefined;
  /** Any JSON; null: none. */
  info?: unknown;
  may?: ClientMay | undefined;
  /** After how long without a connection it is forgotten. */
  clientExpirySeconds?: number | undefined;
}

/** The identity of a client that is registered with an API key, without a token. */
export function identityOf(key: ApiKey, given: GivenIdentity): ClientIdentity {
  const { user, info, may, clientExpirySeconds } = given;
  return {
    ...NO_IDENTITY,
    user: user ?? null,
    info: info === undefined || info === null ? null : JSON.stringify(info),
    may: may ?? null,
    seesPresence: seesPresence(key, may ?? null),
    ...(clientExpirySeconds === undefined ? {} : { expirySeconds: clientExpirySeconds }),
  };
}

/** Lists of patterns, one of each of which a topic must fit for the client to see its presence; none: it sees none. */
export function seesPresence(key: ApiKey, may: ClientMay | null): string[][] {
  const lists = [key.can.presence, ...(may?.presence === undefined ? [] : [may.presence])];
  // Who sees whether users are connected does so by REST.
  const ofTopics = lists.map((patterns) => patterns.filter((pattern) => pattern !== USERS_PATTERN));
  return ofTopics.some((patterns) => patterns.length === 0) ? [] : ofTopics;
}
