import { randomBytes } from 'node:crypto';
import type { EdgeBroker } from '@holdfast/broker/broker';
import { repeat } from '@holdfast/service/backoff';
import type { Tally } from './tally.ts';

const EVERY_MS = 2000;
/** A canary that is not back by then is lost: the subscriber connection is open, but deaf. */
const DEAF_AFTER_MS = 3000;
const NONCE_BYTES = 6;

export interface CanaryWorld {
  broker: EdgeBroker;
  edge: string;
  tally: Tally;
  /** The connection that should have heard it must be replaced. */
  onDeaf: (silentMs: number) => void;
  onError: (error: unknown) => void;
}

/** The edge's self-test: says something to itself through Redis and measures when it hears it. */
export class Canary {
  readonly #world: CanaryWorld;
  #nonce = '';
  #sentAt = 0;
  #heardAt = performance.now();
  /** From sending to hearing, in milliseconds; NaN until the first came back. */
  latencyMs = Number.NaN;

  constructor(world: CanaryWorld) {
    this.#world = world;
  }

  start(): () => void {
    const send = () => this.send();
    send().catch(this.#world.onError);
    return repeat(send, { intervalMs: EVERY_MS, jitter: 0.1, onError: this.#world.onError });
  }

  onHeard(nonce: string): void {
    if (nonce !== this.#nonce) return;
    this.#nonce = '';
    this.#heardAt = performance.now();
    this.latencyMs = this.#heardAt - this.#sentAt;
  }

  /** For how long nothing has been heard, in milliseconds. */
  get silentMs(): number {
    return performance.now() - this.#heardAt;
  }

  /** Null while the edge hears, else since when it does not. */
  get deaf(): string | null {
    const silentMs = this.silentMs;
    if (silentMs <= EVERY_MS + DEAF_AFTER_MS) return null;
    return `nothing heard from Redis for ${Math.round(silentMs / 1000)} s`;
  }

  /** Looks after the last canary and sends the next. Rejects when Redis does not answer. */
  async send(): Promise<void> {
    const { broker, edge, tally, onDeaf } = this.#world;
    if (this.#nonce !== '') {
      if (performance.now() - this.#sentAt <= DEAF_AFTER_MS) return;
      // The next one waits for the next time: until the new connection has subscribed it would be missed as well.
      this.#nonce = '';
      tally.canariesMissed += 1;
      onDeaf(this.silentMs);
      return;
    }
    const nonce = randomBytes(NONCE_BYTES).toString('base64url');
    this.#nonce = nonce;
    this.#sentAt = performance.now();
    try {
      await broker.sendCanary(edge, nonce);
    } catch (error) {
      // It never left: that says something of Redis, nothing of the ear.
      this.#nonce = '';
      throw error;
    }
  }
}
