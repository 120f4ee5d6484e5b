import { randomBytes } from 'node:crypto';
import { type Keys, bucketOf } from '@holdfast/protocol/keys';
import type { Redis } from 'ioredis';
import type { NewClient, RegisterOutcome } from './broker.ts';
import type { Letters } from './letters.ts';
import { answerOf, numberOf, text } from './outcomes.ts';
import { asked, loadScript, run } from './script.ts';

const reserveScript = loadScript('reserve');
const registerScript = loadScript('register');
const unregisterScript = loadScript('unregister');
const settleScript = loadScript('settle');

/**
 * A registration touches three Cluster slots: the key's count and names, the client, the index. So an operation is
 * noted at the key first and settled last. If its process dies in between, `settleAbandoned` looks whether the client
 * is there and keeps or drops what was counted: the count and the names come right by themselves.
 */
interface Operation {
  nonce: string;
  clientId: string;
  name: string;
  registeredAt: number;
}

const OPERATION_NONCE_BYTES = 6;
const SETTLE_AT_ONCE = 100;

export class Registrations {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #letters: Letters;

  constructor(redis: Redis, keys: Keys, letters: Letters) {
    this.#redis = redis;
    this.#keys = keys;
    this.#letters = letters;
  }

  async register(client: NewClient, maxClients: number | null): Promise<RegisterOutcome> {
    const operation = encode(client);
    const reserved = await run(this.#redis, reserveScript, this.#ledger(client.key), [
      operation,
      Date.now(),
      maxClients ?? '',
      client.name ?? '',
      client.clientId,
    ]);
    if (reserved === 1) return 'quota-reached';
    if (reserved === 2) return 'name-taken';

    const created = await run(
      this.#redis,
      registerScript,
      [this.#keys.client(client.clientId)],
      [client.key, client.name ?? '', client.registeredAt, ...[...client.topics].flat()],
    );
    if (created !== 1) {
      await this.#settle(client.key, operation, 'drop');
      return 'client-exists';
    }
    await Promise.all([this.#index(client.clientId), this.#settle(client.key, operation, 'keep')]);
    return 'registered';
  }

  async unregister(clientId: string): Promise<boolean> {
    const key = this.#keys.client(clientId);
    const [keyId, name, registeredAt] = await asked(this.#redis.hmget(key, 'k', 'n', 'r'));
    if (!keyId) return false;
    const operation = encode({ clientId, name: name ?? null, registeredAt: Number(registeredAt) });
    await asked(this.#redis.zadd(this.#keys.keyUnsettled(keyId), Date.now(), operation));

    const answer = answerOf(
      'unregister',
      await run(this.#redis, unregisterScript, [key, this.#keys.clientLog(clientId)], []),
    );
    if (answer.kind === 0) {
      // Somebody else unregistered it in between, and settles that.
      await this.#settle(keyId, operation, 'keep');
      return false;
    }
    const edge = text(answer.rest[0]);
    await Promise.all([
      edge ? this.#letters.ring(edge, clientId) : undefined,
      asked(this.#redis.zrem(this.#keys.clientBucket(bucketOf(clientId)), clientId)),
      this.#settle(keyId, operation, 'drop'),
    ]);
    return true;
  }

  async settleAbandoned(key: string, olderThanMs: number): Promise<number> {
    const due = Date.now() - olderThanMs;
    const operations = await asked(
      this.#redis.zrangebyscore(this.#keys.keyUnsettled(key), '-inf', due, 'LIMIT', 0, SETTLE_AT_ONCE),
    );
    for (const operation of operations) await this.#settleAbandoned(key, operation);
    return operations.length;
  }

  async #settleAbandoned(key: string, operation: string): Promise<void> {
    const { clientId, registeredAt } = decode(operation);
    const found = await asked(this.#redis.hget(this.#keys.client(clientId), 'r'));
    if (found === String(registeredAt)) {
      await this.#index(clientId);
      await this.#settle(key, operation, 'keep');
      return;
    }
    if (found === null) await asked(this.#redis.zrem(this.#keys.clientBucket(bucketOf(clientId)), clientId));
    await this.#settle(key, operation, 'drop');
  }

  #index(clientId: string): Promise<unknown> {
    // All scores are 0: the bucket lists its ids in their own order, so a page can begin behind any id.
    return asked(this.#redis.zadd(this.#keys.clientBucket(bucketOf(clientId)), 0, clientId));
  }

  async #settle(key: string, operation: string, decision: 'keep' | 'drop'): Promise<boolean> {
    const { name, clientId } = decode(operation);
    const answer = await run(this.#redis, settleScript, this.#ledger(key), [operation, decision, name, clientId]);
    return numberOf('settle', answer) === 1;
  }

  #ledger(key: string): string[] {
    return [this.#keys.key(key), this.#keys.keyNames(key), this.#keys.keyUnsettled(key)];
  }
}

function encode(client: { clientId: string; name: string | null; registeredAt: number }): string {
  const operation: Operation = {
    nonce: randomBytes(OPERATION_NONCE_BYTES).toString('base64url'),
    clientId: client.clientId,
    name: client.name ?? '',
    registeredAt: client.registeredAt,
  };
  return JSON.stringify(operation);
}

function decode(operation: string): Operation {
  return JSON.parse(operation) as Operation;
}
