import { type Keys, bucketOf } from '../keys.ts';
import type { Commands } from '@holdfast/redis/commands';
import type { NewClient, RegisterOutcome } from '../broker.ts';
import { settleIndex } from '../sorted-index.ts';
import { type Operation, type Registration, type Unregistration, decodeOperation, encodeOperation } from './intent.ts';
import { answerOf, numberOf, text } from '../lua/replies.ts';
import { type ClientState, edgesOf } from './state.ts';
import { newIncarnation } from '../random.ts';
import { asked, run } from '@holdfast/redis/script';
import { loadScript } from '../lua/scripts.ts';
import type { Pending } from '../edges/pending.ts';

const reserveScript = loadScript('reserve');
const registerScript = loadScript('register');
const noteUnregistrationScript = loadScript('note-unregistration');
const unregisterScript = loadScript('unregister');
const settleScript = loadScript('settle');

const SETTLE_AT_ONCE = 100;
/** What an unregistration leaves behind is removed as it is settled; this is for what nobody ever settles. */
const LEFT_BEHIND_MS = 24 * 3600 * 1000;

/**
 * A registration touches three Cluster slots: the key's count and names, the client, the index. So an operation is
 * noted at the key first and settled last, and a note is settled once. If its process dies in between,
 * `settleAbandoned` looks what came of it: a registration took place if the client carries its nonce; an
 * unregistration, if it left behind that it was the one that removed the client.
 */
export function registrationStore(redis: Commands, keys: Keys, pending: Pending) {
  async function register(client: NewClient, maxClients: number | null): Promise<RegisterOutcome> {
    const { clientId, key, registeredAt, topics } = client;
    const name = client.name ?? '';
    const operation: Registration = { act: 'register', clientId, name, nonce: newIncarnation() };
    const reserving = [encodeOperation(operation), Date.now(), maxClients ?? '', name, clientId];
    const reserved = numberOf('reserve', await run(redis, reserveScript, accountOf(key), reserving));
    if (reserved === 1) return 'quota-reached';
    if (reserved === 2) return 'name-taken';

    const fields = [key, name, registeredAt, operation.nonce, ...[...topics].flat()];
    const created = await run(redis, registerScript, [keys.client(clientId)], fields);
    if (numberOf('register', created) !== 1) {
      await settle(key, operation, 'drop');
      return 'client-exists';
    }
    await updateIndex(clientId, true);
    await settle(key, operation, 'keep');
    return 'registered';
  }

  /** With `unusedSince` (ms) only if nobody has used the client since that time. */
  async function unregister(clientId: string, unusedSince?: number): Promise<boolean> {
    const client = keys.client(clientId);
    const [key, name, nonce] = await asked(redis.hmget(client, 'k', 'n', 'o'));
    if (!key || !nonce) return false;
    const registration: Registration = { act: 'register', clientId, name: name ?? '', nonce };
    const operation: Unregistration = { ...registration, act: 'unregister', own: newIncarnation() };
    const notes = [encodeOperation(operation), Date.now(), encodeOperation(registration)];
    await run(redis, noteUnregistrationScript, [keys.keyUnsettled(key)], notes);

    const left = keys.clientLeft(clientId, operation.own);
    const removing = [client, keys.clientLog(clientId), left];
    const answer = answerOf(
      'unregister',
      await run(redis, unregisterScript, removing, [nonce, LEFT_BEHIND_MS, unusedSince ?? '']),
    );
    if (answer.kind === 0) {
      // Somebody else unregistered it in between, and settles that; or it is in use.
      await settle(key, operation, 'keep');
      return false;
    }
    const edges = edgesOf(...answer.rest.map(text));
    await Promise.all([pending.notify(edges, clientId), updateIndex(clientId, false)]);
    await settle(key, operation, 'drop');
    await asked(redis.del(left));
    return true;
  }

  async function settleAbandoned(key: string, olderThanMs: number): Promise<number> {
    const due = Date.now() - olderThanMs;
    const notes = await asked(redis.zrangebyscore(keys.keyUnsettled(key), '-inf', due, 'LIMIT', 0, SETTLE_AT_ONCE));
    let settled = 0;
    for (const note of notes) {
      if (await settleOne(key, decodeOperation(note))) settled += 1;
    }
    return settled;
  }

  async function settleOne(key: string, operation: Operation): Promise<boolean> {
    const { clientId, nonce } = operation;
    const found = await asked(redis.hget(keys.client(clientId), 'o'));
    await updateIndex(clientId, found !== null);
    if (found === nonce) return settle(key, operation, 'keep');
    if (operation.act === 'register') return settle(key, operation, 'drop');

    const left = keys.clientLeft(clientId, operation.own);
    if ((await asked(redis.exists(left))) === 0) return settle(key, operation, 'keep');
    // Who held the connection is gone with the client, so every edge looks whether it does.
    const edges = await asked(redis.zrange(keys.edges(), '0', '-1'));
    await pending.notify(edges, clientId);
    const settled = await settle(key, operation, 'drop');
    await asked(redis.del(left));
    return settled;
  }

  function updateIndex(clientId: string, exists: boolean): Promise<void> {
    const index = keys.clientBucket(bucketOf(clientId));
    return settleIndex(redis, { index, member: clientId, key: keys.client(clientId) }, exists);
  }

  /** Keeps what is counted, or takes the client off. False when somebody else settled it. */
  async function settle(key: string, operation: Operation, decision: 'keep' | 'drop'): Promise<boolean> {
    const args = [encodeOperation(operation), decision, operation.name, operation.clientId];
    return numberOf('settle', await run(redis, settleScript, accountOf(key), args)) === 1;
  }

  function accountOf(key: string): string[] {
    return [keys.key(key), keys.keyNames(key), keys.keyUnsettled(key)];
  }

  return {
    register,
    unregister: (clientId: string) => unregister(clientId),
    unregisterUnused: ({ clientId, since }: ClientState) => unregister(clientId, since),
    settleAbandoned,
  };
}
