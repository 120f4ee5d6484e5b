import { randomBytes } from 'node:crypto';
import type { EdgeBroker } from '@holdfast/broker/broker';
import type { Tally } from '../counters.ts';

export const CANARY_EVERY_MS = 2000;
/** A canary that is not back by then is lost: the subscriber connection is open, but deaf. */
const DEAF_AFTER_MS = 3000;
const NONCE_BYTES = 6;

export interface CanaryWorld {
  broker: EdgeBroker;
  /** Through which server it goes, for people. */
  server: string;
  /** The name of the edge that is spoken to. */
  name: string;
  tally: Tally;
  /** The connection that should have heard it must be replaced. */
  onDeaf: (silentMs: number) => void;
  onError: (error: unknown) => void;
}

/** The edge's self-test at one server: says something to itself through it and measures when it hears it. */
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
    if (silentMs <= CANARY_EVERY_MS + DEAF_AFTER_MS) return null;
    return `nothing heard from ${this.#world.server} for ${Math.round(silentMs / 1000)} s`;
  }

  /** Looks after the last canary and sends the next. Rejects when Redis does not answer. */
  async send(): Promise<void> {
    const { broker, name, tally, onDeaf } = this.#world;
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
      await broker.sendCanary(name, nonce);
    } catch (error) {
      // It never left: that says something of Redis, nothing of the ear.
      this.#nonce = '';
      throw error;
    }
  }
}
