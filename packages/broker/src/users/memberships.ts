import { DEFAULT_HISTORY } from '@holdfast/protocol/limits';
import type { Commands } from '@holdfast/redis/commands';
import { run } from '@holdfast/redis/script';
import type { Keys } from '../keys.ts';
import { DELETED } from '../live/payload.ts';
import { UnexpectedAnswer, answerOf, numberOf, topicOf } from '../lua/replies.ts';
import { loadScript } from '../lua/scripts.ts';
import { newIncarnation } from '../random.ts';
import type { TopicState } from '../topics/state.ts';
import { userTopic } from './user-topic.ts';

const joinUserScript = loadScript('join-user');
const leaveUserScript = loadScript('leave-user');

/** One registration of a client that belongs to a user. */
export interface Membership {
  user: string;
  clientId: string;
  /** Incarnation of the registration: another one of the same id is another membership, and outlives this one. */
  nonce: string;
}

/**
 * Which clients a user has. It lies in another Cluster slot than the clients, so a membership is written before its client,
 * ends after it, and is covered by the same intent.
 */
export type Memberships = ReturnType<typeof membershipStore>;

export function membershipStore(redis: Commands, keys: Keys) {
  /** Gives the state of the user's topic, and whether the client had not joined before. */
  async function join(membership: Membership): Promise<{ topic: TopicState; joined: boolean }> {
    const args = [entryOf(membership), DEFAULT_HISTORY.size, DEFAULT_HISTORY.seconds, newIncarnation()];
    const answer = answerOf('join-user', await run(redis, joinUserScript, keysOf(membership.user), args));
    const topic = topicOf(answer.rest);
    if (topic === null) throw new UnexpectedAnswer('join-user', answer);
    return { topic, joined: answer.kind === 1 };
  }

  /** Also of one that never joined, or has left already. */
  async function leave(membership: Membership): Promise<void> {
    const { user } = membership;
    const args = [entryOf(membership), keys.topicLive(userTopic(user)), DELETED];
    numberOf('leave-user', await run(redis, leaveUserScript, keysOf(user), args));
  }

  function keysOf(user: string): string[] {
    const topic = userTopic(user);
    return [keys.topic(topic), keys.topicLog(topic), keys.userClients(user)];
  }

  return { join, leave };
}

/** Between the id and the incarnation, which are in the order of ids with it. */
const SEPARATOR = ' ';
/** The next character after the separator: what an id with it comes after is every entry of that id. */
const AFTER_SEPARATOR = '!';

function entryOf({ clientId, nonce }: Membership): string {
  return clientId + SEPARATOR + nonce;
}

/** The client of an entry among a user's clients. */
export function clientIdOfEntry(entry: string): string {
  return entry.slice(0, entry.indexOf(SEPARATOR));
}

/** The lower bound, for ZRANGEBYLEX, of entries behind those of a client. */
export function behindEntriesOf(clientId: string): string {
  return `(${clientId}${AFTER_SEPARATOR}`;
}
