import { randomBytes } from 'node:crypto';
import { type Keys, bucketOf } from '@holdfast/protocol/keys';
import type { Redis } from 'ioredis';
import type { NewClient, RegisterOutcome } from './broker.ts';
import { settleIndex } from './index-entry.ts';
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
    const reserved = numberOf(
      'reserve',
      await run(this.#redis, reserveScript, this.#ledger(client.key), [
        operation,
        Date.now(),
        maxClients ?? '',
        client.name ?? '',
        client.clientId,
      ]),
    );
    if (reserved === 1) return 'quota-reached';
    if (reserved === 2) return 'name-taken';

    const created = numberOf(
      'register',
      await run(
        this.#redis,
        registerScript,
        [this.#keys.client(client.clientId)],
        [client.key, client.name ?? '', client.registeredAt, ...[...client.topics].flat()],
      ),
    );
    if (created !== 1) {
      await this.#settle(client.key, operation, 'drop');
      return 'client-exists';
    }
    await this.#settleIndex(client.clientId, true);
    await this.#settle(client.key, operation, 'keep');
    return 'registered';
  }

  async unregister(clientId: string): Promise<boolean> {
    const client = this.#keys.client(clientId);
    const [key, name, registeredAt] = await asked(this.#redis.hmget(client, 'k', 'n', 'r'));
    if (!key) return false;
    const operation = encode({ clientId, name: name ?? null, registeredAt: Number(registeredAt) });
    await asked(this.#redis.zadd(this.#keys.keyUnsettled(key), Date.now(), operation));

    const answer = answerOf(
      'unregister',
      await run(
        this.#redis,
        unregisterScript,
        [client, this.#keys.clientLog(clientId)],
        [key, name ?? '', registeredAt ?? ''],
      ),
    );
    if (answer.kind === 0) {
      // Somebody else unregistered it in between, and settles that.
      await this.#settle(key, operation, 'keep');
      return false;
    }
    const edge = text(answer.rest[0]);
    await Promise.all([edge ? this.#letters.ring(edge, clientId) : undefined, this.#settleIndex(clientId, false)]);
    await this.#settle(key, operation, 'drop');
    return true;
  }

  async settleAbandoned(key: string, olderThanMs: number): Promise<number> {
    const due = Date.now() - olderThanMs;
    const operations = await asked(
      this.#redis.zrangebyscore(this.#keys.keyUnsettled(key), '-inf', due, 'LIMIT', 0, SETTLE_AT_ONCE),
    );
    let settled = 0;
    for (const operation of operations) {
      if (await this.#settleAbandoned(key, operation)) settled += 1;
    }
    return settled;
  }

  async #settleAbandoned(key: string, operation: string): Promise<boolean> {
    const { clientId, name, registeredAt } = decode(operation);
    const found = await asked(this.#redis.hmget(this.#keys.client(clientId), 'k', 'n', 'r'));
    await this.#settleIndex(clientId, found[0] !== null);
    if (found[0] === key && (found[1] ?? '') === name && found[2] === String(registeredAt)) {
      return this.#settle(key, operation, 'keep');
    }
    // Whose connection it was is gone with the client, so every edge looks whether it has one.
    const edges = await asked(this.#redis.zrange(this.#keys.edges(), '0', '-1'));
    await Promise.all(edges.map((edge) => this.#letters.ring(edge, clientId)));
    return this.#settle(key, operation, 'drop');
  }

  #settleIndex(clientId: string, exists: boolean): Promise<void> {
    const index = this.#keys.clientBucket(bucketOf(clientId));
    return settleIndex(this.#redis, { index, member: clientId, key: this.#keys.client(clientId) }, exists);
  }

  /** False when somebody else settled it. */
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
