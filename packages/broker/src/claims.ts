import type { Keys } from '@holdfast/protocol/keys';
import { BrokerUnavailable } from './broker-unavailable.ts';
import type { ClaimOutcome } from './broker.ts';
import type { Commands } from './commands.ts';
import { UnexpectedAnswer, answerOf, clientOf, text } from './outcomes.ts';
import { type Argument, loadScript, run } from './script.ts';

const claimScript = loadScript('claim');

/**
 * While a script runs, Redis does nothing else. So many claims take it a fifth of a millisecond, or 18 when each client
 * has a thousand topics; more at once would gain nothing worth telling.
 */
const MOST_AT_ONCE = 16;

interface Wish {
  clientId: string;
  edge: string;
  connection: string;
  onlyIfUnowned: boolean;
  resolve: (outcome: ClaimOutcome) => void;
  reject: (error: unknown) => void;
}

/**
 * Claims of the same moment go to Redis as one call of a script: a command for each, with its promise, its time-out and
 * its part of the answer, would be one of the dearest pieces of a handshake. Not on a Cluster: two clients hardly ever
 * share a slot, and while a slot moves to another node, neither node runs a script on a key that has gone and one that
 * has not.
 */
export class Claims {
  readonly #redis: Commands;
  readonly #keys: Keys;
  #wishes: Wish[] = [];

  constructor(redis: Commands, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** Rejects with BrokerUnavailable. */
  claim(clientId: string, edge: string, connection: string, onlyIfUnowned: boolean): Promise<ClaimOutcome> {
    const { promise, resolve, reject } = Promise.withResolvers<ClaimOutcome>();
    if (this.#wishes.length === 0) queueMicrotask(() => this.#sendAll());
    this.#wishes.push({ clientId, edge, connection, onlyIfUnowned, resolve, reject });
    return promise;
  }

  #sendAll(): void {
    const wishes = this.#wishes;
    this.#wishes = [];
    const most = this.#redis.isCluster ? 1 : MOST_AT_ONCE;
    for (let from = 0; from < wishes.length; from += most) void this.#send(wishes.slice(from, from + most));
  }

  async #send(wishes: readonly Wish[]): Promise<void> {
    const keys = wishes.map(({ clientId }) => this.#keys.client(clientId));
    const args: Argument[] = [Date.now()];
    for (const { edge, connection, onlyIfUnowned } of wishes) args.push(edge, connection, onlyIfUnowned ? '1' : '0');
    try {
      const answers = listOf(await run(this.#redis, claimScript, keys, args), wishes.length);
      for (const [index, wish] of wishes.entries()) settle(wish, answers[index]);
    } catch (error) {
      for (const { reject } of wishes) reject(error);
    }
  }
}

function listOf(answer: unknown, length: number): unknown[] {
  const list: unknown = typeof answer === 'string' ? JSON.parse(answer) : null;
  if (!Array.isArray(list) || list.length !== length) throw new UnexpectedAnswer('claim', answer);
  return list;
}

function settle({ clientId, resolve, reject }: Wish, answer: unknown): void {
  try {
    resolve(outcomeOf(clientId, answer));
  } catch (error) {
    reject(error);
  }
}

function outcomeOf(clientId: string, answer: unknown): ClaimOutcome {
  const { kind, rest } = answerOf('claim', answer);
  if (kind === 3) throw new BrokerUnavailable(new Error(text(rest[0])));
  const client = clientOf(clientId, rest[0]);
  if (kind === 0 || client === null) return { kind: 'unknown' };
  if (kind === 2) return { kind: 'owned', client };
  return { kind: 'claimed', client, previous: client.owner };
}
