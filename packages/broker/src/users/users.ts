import type { Commands } from '@holdfast/redis/commands';
import { asked, run } from '@holdfast/redis/script';
import type { NewMessage, Page, PublishOutcome, Users } from '../broker.ts';
import { REVOKED_AT } from '../clients/identity.ts';
import { type ReadClients, readPage } from '../clients/page.ts';
import { type ClientState, edgesOf } from '../clients/state.ts';
import type { Pending } from '../edges/pending.ts';
import type { Keys } from '../keys.ts';
import { answerOf, numberOf, text } from '../lua/replies.ts';
import { loadScript } from '../lua/scripts.ts';
import type { TopicStore } from '../topics/topics.ts';
import { behindEntriesOf, clientIdOfEntry } from './memberships.ts';
import { userTopic } from './user-topic.ts';

const revokeTokensScript = loadScript('revoke-tokens');
const revokeClientScript = loadScript('revoke-client');

/** The field of a revocation that is meant for the tokens of every API key; no id of a key. */
const ALL_KEYS = '*';

export interface UserStoreOptions {
  readonly pending: Pending;
  readonly topics: Pick<TopicStore, 'publishAll'>;
  readonly readClients: ReadClients;
}

/** Users, by the clients that they have. */
export function userStore(
  redis: Commands,
  keys: Keys,
  { pending, topics, readClients }: UserStoreOptions,
): Omit<Users, 'restoreUsers'> {
  async function listClientsOf(user: string, cursor: string | null, limit: number): Promise<Page<ClientState>> {
    const from = cursor === null ? '-' : behindEntriesOf(cursor);
    const entries = await asked(redis.zrangebylex(keys.userClients(user), from, '+', 'LIMIT', 0, limit + 1));
    const ids = [...new Set(entries.slice(0, limit).map(clientIdOfEntry))];
    const page = await readPage(readClients, ids, limit);
    const more = entries.length > limit ? (ids.at(-1) ?? null) : null;
    // One that is being registered, or whose registration did not come about, is not one of them.
    const items = page.items.filter(({ identity }) => identity.user === user);
    return { items, cursor: page.cursor ?? more };
  }

  function countClientsOf(users: readonly string[]): Promise<number[]> {
    return Promise.all(users.map((user) => asked(redis.zcard(keys.userClients(user)))));
  }

  async function publishToUser(user: string, message: NewMessage, traceparent?: string): Promise<PublishOutcome> {
    const [outcome] = await topics.publishAll(userTopic(user), [message], traceparent);
    return outcome ?? { kind: 'not-found' };
  }

  async function revokeTokens(
    user: string,
    keyIds: readonly string[] | null,
    issuedBefore: number,
    forSeconds: number,
  ): Promise<void> {
    const args = [issuedBefore, forSeconds * 1000, ...(keyIds ?? [ALL_KEYS])];
    numberOf('revoke-tokens', await run(redis, revokeTokensScript, [keys.userRevoked(user)], args));
  }

  async function revokedBefore(user: string, key: string): Promise<number> {
    const known = await asked(redis.hmget(keys.userRevoked(user), key, ALL_KEYS));
    return Math.max(...known.map(Number));
  }

  async function revokeClient(clientId: string, issuedBefore: number): Promise<boolean> {
    const args = [issuedBefore, REVOKED_AT];
    const answer = answerOf('revoke-client', await run(redis, revokeClientScript, [keys.client(clientId)], args));
    // Also of one that had ended: who ended it may have died before its edge was notified.
    await pending.notify(edgesOf(...answer.rest.map(text)), clientId);
    return answer.kind === 1;
  }

  return { listClientsOf, countClientsOf, publishToUser, revokeTokens, revokedBefore, revokeClient };
}
