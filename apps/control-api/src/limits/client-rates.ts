import { ProblemError } from '../http/problem-error.ts';

/** A bucket holds the calls of so many seconds: a client that comes back does several things at once. */
const BURST_SECONDS = 10;
/** Topics that cost as much as a call: each is read in Redis. */
const TOPICS_A_CALL = 20;
/** Buckets in memory; the least recently used are evicted. */
const MAX_BUCKETS = 100_000;

/** Called with the number of topics that a call reads, once that is known. */
export type ChargeTopics = (topics: number) => void;

interface Bucket {
  tokens: number;
  at: number;
}

/** A token bucket for each client id, for the calls that need nothing else; and for each user whose tokens make topics. */
export class ClientRates {
  readonly #perSecond: number;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /** `perSecond`: calls a client may make in the long run; ten seconds of them at once. */
  constructor(perSecond: number, now: () => number = () => performance.now()) {
    this.#perSecond = perSecond;
    this.#now = now;
  }

  /**
   * Takes a call of the client.
   * @throws {ProblemError} too-many-calls
   */
  take(clientId: string): void {
    this.#take(clientId, `A client may make ${this.#perSecond} calls a second; ${TOPICS_A_CALL} topics count as one`);
  }

  /**
   * Takes the making of topics of a user with tokens, all of them or none; the bucket may go below zero.
   * @throws {ProblemError} too-many-calls
   */
  takeCreations(user: string, topics: number): void {
    const detail = `A user may make ${this.#perSecond} topics a second; of those of one call ${TOPICS_A_CALL} count as one`;
    this.#take(user, detail);
    this.chargeTopics(user, topics - 1);
  }

  /** Charges for the topics that a call reads; the bucket may go below zero. */
  chargeTopics(clientId: string, topics: number): void {
    this.#bucketOf(clientId).tokens -= topics / TOPICS_A_CALL;
  }

  #take(id: string, detail: string): void {
    const bucket = this.#bucketOf(id);
    if (bucket.tokens < 1) {
      const retryAfterSeconds = Math.ceil((1 - bucket.tokens) / this.#perSecond);
      throw new ProblemError('too-many-calls', { detail, retryAfterSeconds });
    }
    bucket.tokens -= 1;
  }

  #bucketOf(clientId: string): Bucket {
    const capacity = this.#perSecond * BURST_SECONDS;
    const now = this.#now();
    const known = this.#buckets.get(clientId) ?? { tokens: capacity, at: now };
    known.tokens = Math.min(capacity, known.tokens + ((now - known.at) / 1000) * this.#perSecond);
    known.at = now;
    // Last in the order of the map: most recently used.
    this.#buckets.delete(clientId);
    this.#buckets.set(clientId, known);
    if (this.#buckets.size > MAX_BUCKETS) this.#buckets.delete(this.#buckets.keys().next().value ?? '');
    return known;
  }
}
