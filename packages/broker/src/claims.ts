import type { Keys } from '@holdfast/protocol/keys';
import { BrokerUnavailable } from './broker-unavailable.ts';
import type { ClaimOutcome } from './broker.ts';
import type { Commands } from './commands.ts';
import { UnexpectedAnswer, answerOf, clientOf, text } from './outcomes.ts';
import { type Argument, loadScript, run } from './script.ts';
import { slotOf } from './slot-of.ts';

const claimScript = loadScript('claim');

/** While a script runs, Redis does nothing else: so many claims take it less than a millisecond. */
const MOST_AT_ONCE = 64;

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
 * its part of the answer, would be the dearest piece of a handshake. On a Cluster that is so for those of one slot.
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
    for (const together of this.#bySlot(wishes)) {
      for (let from = 0; from < together.length; from += MOST_AT_ONCE) {
        void this.#send(together.slice(from, from + MOST_AT_ONCE));
      }
    }
  }

  #bySlot(wishes: Wish[]): Iterable<Wish[]> {
    if (!this.#redis.bySlot) return [wishes];
    return Map.groupBy(wishes, ({ clientId }) => slotOf(this.#keys.client(clientId))).values();
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
