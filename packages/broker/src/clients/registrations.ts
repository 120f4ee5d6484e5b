import { type Keys, bucketOf } from '../keys.ts';
import type { Commands } from '@holdfast/redis/commands';
import type { NewClient, RegisterOutcome } from '../broker.ts';
import { settleIndex } from '../sorted-index.ts';
import { type Operation, type Registration, type Unregistration, decodeOperation, encodeOperation } from './intent.ts';
import { answerOf, numberOf, text } from '../lua/replies.ts';
import { edgesOf } from './state.ts';
import { newIncarnation } from '../random.ts';
import { asked, run } from '@holdfast/redis/script';
import { loadScript } from '../lua/scripts.ts';
import type { WakeUps } from '../edges/pending.ts';

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
export class Registrations {
  readonly #redis: Commands;
  readonly #keys: Keys;
  readonly #wakeUps: WakeUps;

  constructor(redis: Commands, keys: Keys, wakeUps: WakeUps) {
    this.#redis = redis;
    this.#keys = keys;
    this.#wakeUps = wakeUps;
  }

  async register(client: NewClient, maxClients: number | null): Promise<RegisterOutcome> {
    const { clientId, key, registeredAt, topics } = client;
    const name = client.name ?? '';
    const operation: Registration = { act: 'register', clientId, name, nonce: newIncarnation() };
    const reserving = [encodeOperation(operation), Date.now(), maxClients ?? '', name, clientId];
    const reserved = numberOf('reserve', await run(this.#redis, reserveScript, this.#ledger(key), reserving));
    if (reserved === 1) return 'quota-reached';
    if (reserved === 2) return 'name-taken';

    const fields = [key, name, registeredAt, operation.nonce, ...[...topics].flat()];
    const created = await run(this.#redis, registerScript, [this.#keys.client(clientId)], fields);
    if (numberOf('register', created) !== 1) {
      await this.#settle(key, operation, 'drop');
      return 'client-exists';
    }
    await this.#settleIndex(clientId, true);
    await this.#settle(key, operation, 'keep');
    return 'registered';
  }

  /** With `unusedSince` (ms) only if nobody has used the client since that time. */
  async unregister(clientId: string, unusedSince?: number): Promise<boolean> {
    const client = this.#keys.client(clientId);
    const [key, name, nonce] = await asked(this.#redis.hmget(client, 'k', 'n', 'o'));
    if (!key || !nonce) return false;
    const registration: Registration = { act: 'register', clientId, name: name ?? '', nonce };
    const operation: Unregistration = { ...registration, act: 'unregister', own: newIncarnation() };
    const notes = [encodeOperation(operation), Date.now(), encodeOperation(registration)];
    await run(this.#redis, noteUnregistrationScript, [this.#keys.keyUnsettled(key)], notes);

    const left = this.#keys.clientLeft(clientId, operation.own);
    const removing = [client, this.#keys.clientLog(clientId), left];
    const answer = answerOf(
      'unregister',
      await run(this.#redis, unregisterScript, removing, [nonce, LEFT_BEHIND_MS, unusedSince ?? '']),
    );
    if (answer.kind === 0) {
      // Somebody else unregistered it in between, and settles that; or it is in use.
      await this.#settle(key, operation, 'keep');
      return false;
    }
    const edges = edgesOf(...answer.rest.map(text));
    await Promise.all([this.#wakeUps.notify(edges, clientId), this.#settleIndex(clientId, false)]);
    await this.#settle(key, operation, 'drop');
    await asked(this.#redis.del(left));
    return true;
  }

  async settleAbandoned(key: string, olderThanMs: number): Promise<number> {
    const due = Date.now() - olderThanMs;
    const notes = await asked(
      this.#redis.zrangebyscore(this.#keys.keyUnsettled(key), '-inf', due, 'LIMIT', 0, SETTLE_AT_ONCE),
    );
    let settled = 0;
    for (const note of notes) {
      if (await this.#settleAbandoned(key, decodeOperation(note))) settled += 1;
    }
    return settled;
  }

  async #settleAbandoned(key: string, operation: Operation): Promise<boolean> {
    const { clientId, nonce } = operation;
    const found = await asked(this.#redis.hget(this.#keys.client(clientId), 'o'));
    await this.#settleIndex(clientId, found !== null);
    if (found === nonce) return this.#settle(key, operation, 'keep');
    if (operation.act === 'register') return this.#settle(key, operation, 'drop');

    const left = this.#keys.clientLeft(clientId, operation.own);
    if ((await asked(this.#redis.exists(left))) === 0) return this.#settle(key, operation, 'keep');
    // Who held the connection is gone with the client, so every edge looks whether it does.
    const edges = await asked(this.#redis.zrange(this.#keys.edges(), '0', '-1'));
    await this.#wakeUps.notify(edges, clientId);
    const settled = await this.#settle(key, operation, 'drop');
    await asked(this.#redis.del(left));
    return settled;
  }

  #settleIndex(clientId: string, exists: boolean): Promise<void> {
    const index = this.#keys.clientBucket(bucketOf(clientId));
    return settleIndex(this.#redis, { index, member: clientId, key: this.#keys.client(clientId) }, exists);
  }

  /** Keeps what is counted, or takes the client off. False when somebody else settled it. */
  async #settle(key: string, operation: Operation, decision: 'keep' | 'drop'): Promise<boolean> {
    const args = [encodeOperation(operation), decision, operation.name, operation.clientId];
    return numberOf('settle', await run(this.#redis, settleScript, this.#ledger(key), args)) === 1;
  }

  #ledger(key: string): string[] {
    return [this.#keys.key(key), this.#keys.keyNames(key), this.#keys.keyUnsettled(key)];
  }
}
