import type { Commands } from '@holdfast/redis/commands';
import { run } from '@holdfast/redis/script';
import { type ClientState, edgesOf } from '../clients/state.ts';
import type { Pending } from '../edges/pending.ts';
import type { Keys } from '../keys.ts';
import { answerOf, text } from '../lua/replies.ts';
import { loadScript } from '../lua/scripts.ts';
import { isCurrent, startNow } from '../topics/state.ts';
import type { Memberships } from './memberships.ts';
import { userTopic } from './user-topic.ts';

const restoreUserTopicScript = loadScript('restore-user-topic');

/**
 * A client and its user lie in different Cluster slots: a node that fails over loses its last writes, and the other keeps
 * its own. What the client says counts.
 */
export function userRestoration(redis: Commands, keys: Keys, memberships: Memberships, pending: Pending) {
  async function restoreUsers(clients: readonly ClientState[]): Promise<number> {
    const restored = await Promise.all(clients.map((client) => restoreOne(client)));
    return restored.filter(Boolean).length;
  }

  async function restoreOne({ clientId, incarnation, identity: { user }, topics }: ClientState): Promise<boolean> {
    if (user === null) return false;
    const membership = { user, clientId, nonce: incarnation };
    const { topic, joined } = await memberships.join(membership);
    const name = userTopic(user);
    const known = topics.get(name) ?? '';
    const holds = isCurrent(topic, known);
    if (holds && !joined) return false;
    const args = [incarnation, name, holds ? known : startNow(topic)];
    const answer = answerOf(
      'restore-user-topic',
      await run(redis, restoreUserTopicScript, [keys.client(clientId)], args),
    );
    // It was unregistered meanwhile, and has left its user already.
    if (answer.kind === 0) await memberships.leave(membership);
    else await pending.notify(edgesOf(...answer.rest.map(text)), clientId);
    return answer.kind === 1;
  }

  return { restoreUsers };
}
