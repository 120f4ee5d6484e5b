import { type Keys, bucketOf } from '../keys.ts';
import type { Commands } from '@holdfast/redis/commands';
import type { NewClient, RegisterOutcome, TokenCheck } from '../broker.ts';
import { updateIndex } from '../sorted-index.ts';
import { type Intent, type Registration, type Unregistration, decodeIntent, encodeIntent } from './intent.ts';
import { answerOf, numberOf, text } from '../lua/replies.ts';
import { decodeToken, identityFields } from './identity.ts';
import { type ClientState, edgesOf } from './state.ts';
import { newIncarnation } from '../random.ts';
import { asked, run } from '@holdfast/redis/script';
import { isRefusedByMove } from '@holdfast/redis/unavailable';
import { loadScript } from '../lua/scripts.ts';
import type { Pending } from '../edges/pending.ts';
import type { EventWriter } from '../events/writer.ts';
import { evidenceStore } from '../evidence/evidence.ts';
import { startNow } from '../topics/state.ts';
import type { Memberships } from '../users/memberships.ts';
import { userTopic } from '../users/user-topic.ts';

const reserveScript = loadScript('reserve');
const registerScript = loadScript('register', 'client-events');
const beginUnregistrationScript = loadScript('begin-unregistration');
const unregisterScript = loadScript('unregister', 'client-events');
const completeIntentScript = loadScript('complete-intent');
const releaseLostNameScript = loadScript('release-lost-name');

const MAX_BATCH = 100;
/** A tombstone is removed when its intent is completed; this is for one that never is. */
const TOMBSTONE_MS = 24 * 3600 * 1000;

/** On which a client is unregistered. */
interface Conditions {
  /** It was not used since that time (ms). */
  unusedSince?: number;
  check?: TokenCheck | undefined;
}

/**
 * A registration touches three Cluster slots: the key's count and names, the client, the index. So an intent is logged
 * at the key first and completed last, once. If its process dies in between, `recoverAbandoned` finds out what came of
 * it: a registration took place if the client has its nonce; an unregistration, if there is its tombstone.
 */
export function registrationStore(
  redis: Commands,
  keys: Keys,
  pending: Pending,
  memberships: Memberships,
  events: EventWriter,
) {
  const evidence = evidenceStore(redis, keys);

  async function register(client: NewClient, maxClients: number | null): Promise<RegisterOutcome> {
    const { clientId, key, registeredAt } = client;
    const name = client.name ?? '';
    const user = client.identity?.user ?? '';
    const intent: Registration = { act: 'register', clientId, name, nonce: newIncarnation(), user };
    const reserving = [encodeIntent(intent), Date.now(), maxClients ?? '', name, clientId];
    const reserved = numberOf('reserve', await run(redis, reserveScript, accountOf(key), reserving));
    if (reserved === 1) return 'quota-reached';
    if (reserved === 2) return 'name-taken';

    const topics = [...client.topics];
    if (user !== '') topics.push([userTopic(user), startNow((await memberships.join(intent)).topic)]);
    const identity = client.identity === undefined ? [] : identityFields(client.identity);
    const fields = [key, name, registeredAt, intent.nonce, identity.length, ...identity.flat(), ...topics.flat()];
    const stream = events.ofClient(clientId, 'client.registered');
    const touched = [keys.client(clientId), ...(stream === null ? [] : [stream.stream])];
    const created = await run(redis, registerScript, touched, fields).catch(async (error: unknown) => {
      // Nothing was made: the name is free at once for another id.
      if (isRefusedByMove(error)) await drop(key, intent);
      throw error;
    });
    events.written(stream);
    if (numberOf('register', created) !== 1) {
      await drop(key, intent);
      return 'client-exists';
    }
    await updateClientIndex(clientId, true);
    await complete(key, intent, 'keep');
    return 'registered';
  }

  async function drop(key: string, intent: Registration): Promise<void> {
    await leaveUser(intent);
    await complete(key, intent, 'drop');
  }

  async function unregister(clientId: string, { unusedSince, check }: Conditions = {}): Promise<boolean> {
    const client = keys.client(clientId);
    const [key, name, nonce, user, t, j] = await asked(redis.hmget(client, 'k', 'n', 'o', 'u', 't', 'j'));
    if (!key || !nonce) return false;
    check?.(decodeToken({ t: t ?? undefined, j: j ?? undefined }));
    const registration: Registration = { act: 'register', clientId, name: name ?? '', nonce, user: user ?? '' };
    const intent: Unregistration = { ...registration, act: 'unregister', own: newIncarnation() };
    const notes = [encodeIntent(intent), Date.now(), encodeIntent(registration)];
    await run(redis, beginUnregistrationScript, [keys.keyPending(key)], notes);

    const tombstone = keys.clientTombstone(clientId, intent.own);
    const removing = [client, keys.clientLog(clientId), tombstone];
    const args = [nonce, TOMBSTONE_MS, unusedSince ?? ''];
    const stream = events.ofClient(clientId, 'client.disconnected', 'client.unregistered');
    if (stream !== null) {
      removing.push(stream.stream);
      args.push(stream.types);
    }
    const answer = answerOf('unregister', await run(redis, unregisterScript, removing, args));
    events.written(stream);
    if (answer.kind === 0) {
      // It was unregistered in between by another call, which completes that; or it is in use.
      await complete(key, intent, 'keep');
      return false;
    }
    const edges = edgesOf(...answer.rest.map(text));
    await Promise.all([pending.notify(edges, clientId), updateClientIndex(clientId, false), leaveUser(intent)]);
    await complete(key, intent, 'drop');
    await Promise.all([asked(redis.del(tombstone)), evidence.forget(clientId)]);
    return true;
  }

  async function recoverAbandoned(key: string, olderThanMs: number): Promise<number> {
    const due = Date.now() - olderThanMs;
    const notes = await asked(redis.zrangebyscore(keys.keyPending(key), '-inf', due, 'LIMIT', 0, MAX_BATCH));
    let completed = 0;
    for (const note of notes) {
      if (await recoverOne(key, decodeIntent(note))) completed += 1;
    }
    return completed;
  }

  async function recoverOne(key: string, intent: Intent): Promise<boolean> {
    const { clientId, nonce } = intent;
    const found = await asked(redis.hget(keys.client(clientId), 'o'));
    await updateClientIndex(clientId, found !== null);
    if (found === nonce) return complete(key, intent, 'keep');
    await leaveUser(intent);
    if (intent.act === 'register') return complete(key, intent, 'drop');

    const tombstone = keys.clientTombstone(clientId, intent.own);
    if ((await asked(redis.exists(tombstone))) === 0) return complete(key, intent, 'keep');
    // The owner is gone with the client, so every edge checks whether it holds the connection.
    const edges = await asked(redis.zrange(keys.edges(), '0', '-1'));
    await pending.notify(edges, clientId);
    const completed = await complete(key, intent, 'drop');
    await asked(redis.del(tombstone));
    return completed;
  }

  /** The name is looked at before the client: one that is missing with no intent pending is not about to be made. */
  async function releaseLostName(key: string, name: string, clientId: string): Promise<boolean> {
    const step = async (act: 'look' | 'free') =>
      numberOf('release-lost-name', await run(redis, releaseLostNameScript, accountOf(key), [name, clientId, act])) ===
      1;
    if (!(await step('look'))) return false;
    if ((await asked(redis.exists(keys.client(clientId)))) === 1) return false;
    if (!(await step('free'))) return false;
    await updateClientIndex(clientId, false);
    return true;
  }

  async function leaveUser(intent: Intent): Promise<void> {
    if (intent.user !== '') await memberships.leave(intent);
  }

  function updateClientIndex(clientId: string, exists: boolean): Promise<void> {
    const index = keys.clientBucket(bucketOf(clientId));
    const isListed = async () => (await asked(redis.exists(keys.client(clientId)))) === 1;
    return updateIndex(redis, { index, member: clientId, isListed }, exists);
  }

  /** Keeps what is counted, or takes the client off. False when it was completed before. */
  async function complete(key: string, intent: Intent, decision: 'keep' | 'drop'): Promise<boolean> {
    const args = [encodeIntent(intent), decision, intent.name, intent.clientId];
    return numberOf('complete-intent', await run(redis, completeIntentScript, accountOf(key), args)) === 1;
  }

  function accountOf(key: string): string[] {
    return [keys.key(key), keys.keyNames(key), keys.keyPending(key)];
  }

  return {
    register,
    releaseLostName,
    findByName: (key: string, name: string) => asked(redis.hget(keys.keyNames(key), name)),
    unregister: (clientId: string, check?: TokenCheck) => unregister(clientId, { check }),
    unregisterUnused: ({ clientId, since }: ClientState) => unregister(clientId, { unusedSince: since }),
    recoverAbandoned,
  };
}
