import type { ClientIdentity } from '@holdfast/broker/client-state';
import { matchesAny } from '@holdfast/protocol/topic-name';
import type { PresenceBy, SubscriberMember } from '../topic/subscription.ts';

/** What a connection keeps besides, of a client of which more is known than its API key, or that watches presence. */
export interface ConnectionIdentity {
  client: ClientIdentity;
  /** It was opened with `?presence=1`. */
  watches: boolean;
}

/** Null when there is nothing to keep: most connections have none, and it would cost each of them. */
export function connectionIdentity(client: ClientIdentity, watches: boolean): ConnectionIdentity | null {
  const { user, info, token } = client;
  // What it may see is needed when it watches only.
  if (watches) return { client, watches };
  return user !== null || info !== null || token !== null ? { client, watches } : null;
}

/** Known by its ref, and by nothing else. */
const BY_REF: SubscriberMember = { id: null, info: null };

/** The member that a connection stands for. */
export function memberOf(identity: ConnectionIdentity | null, by: PresenceBy): SubscriberMember {
  if (identity === null) return BY_REF;
  const { user, info } = identity.client;
  return { id: by === 'user' ? user : null, info };
}

/** Whether a connection is shown who is present on a topic: it asked for it, and its client may see it. */
export function isShownPresence(identity: ConnectionIdentity | null, topic: string): boolean {
  if (identity?.watches !== true) return false;
  const { seesPresence, user } = identity.client;
  return seesPresence.length > 0 && seesPresence.every((patterns) => matchesAny(patterns, topic, user));
}
