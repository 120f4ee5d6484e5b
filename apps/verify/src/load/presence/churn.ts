import { monotonicMs } from '@holdfast/harness/clock';
import { callAtRate } from '@holdfast/harness/pacing';
import type { ClientPool } from '../client-pool.ts';

/** Who leaves stays away for so long, so that the leave is not undone before it is sent. */
const AWAY_SECONDS = 1;
/** Joins and leaves under way at once. */
const MAX_UNDER_WAY = 256;

export interface ChurnOptions {
  pool: Pick<ClientPool, 'join' | 'leave' | 'isConnected'>;
  /** Those that leave and join. */
  clients: readonly number[];
  /** Joins and leaves a second. */
  rate: number;
  seconds: number;
  random: () => number;
}

interface Away {
  readonly client: number;
  /** Null once it is gone. */
  leaving: Promise<void> | null;
}

/** Clients that leave and join in turn, so that about as many are there at any time. At the end some are away. */
export class Churn {
  readonly #options: ChurnOptions;
  readonly #here: number[];
  /** Who left first is first. */
  readonly #away: Away[] = [];
  readonly #mostAway: number;
  joins = 0;
  leaves = 0;
  /** When the last of them was done, in milliseconds of the shared monotonic clock. */
  lastAt: number | null = null;

  constructor(options: ChurnOptions) {
    const { clients, rate } = options;
    this.#options = options;
    this.#here = [...clients];
    const half = Math.floor(clients.length / 2);
    this.#mostAway = Math.max(1, Math.min(half, Math.ceil((rate / 2) * AWAY_SECONDS)));
  }

  /** Resolves when all of it is done. Rejects with the signal's reason. */
  async run(signal: AbortSignal): Promise<void> {
    const { clients, rate, seconds } = this.#options;
    if (clients.length === 0) return;
    const total = Math.round(rate * seconds);
    await callAtRate({ rate, total, limit: MAX_UNDER_WAY, begin: () => this.#change(), signal });
  }

  async #change(): Promise<void> {
    if (this.#away.length < this.#mostAway) await this.#leave();
    else await this.#join();
  }

  async #leave(): Promise<void> {
    const { pool, random } = this.#options;
    const at = Math.floor(random() * this.#here.length);
    const client = this.#here[at];
    // None is left, or it is connecting again: another one, next time.
    if (client === undefined || !pool.isConnected(client)) return;
    const last = this.#here.pop();
    if (last !== undefined && last !== client) this.#here[at] = last;
    this.leaves += 1;
    const leaving = pool.leave(client);
    this.lastAt = monotonicMs();
    const away: Away = { client, leaving };
    this.#away.push(away);
    await leaving;
    away.leaving = null;
  }

  async #join(): Promise<void> {
    const { pool } = this.#options;
    const next = this.#away.shift();
    if (next === undefined) return;
    // One that is gone joins at once, before anybody else leaves.
    if (next.leaving !== null) await next.leaving;
    this.joins += 1;
    await pool.join(next.client);
    this.lastAt = monotonicMs();
    this.#here.push(next.client);
  }
}
