import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from '@holdfast/broker/broker';
import type { ClientState } from '@holdfast/broker/client-state';
import { MAX_PAGE } from '@holdfast/protocol/limits';
import { ProblemError } from '../http/problem-error.ts';
import type { Services } from '../services.ts';

/** More at a time would only wait for Redis. */
const MAX_CONCURRENT = 8;
/** Of ids that are in no keys file: each reads all clients. */
const MAX_SWEEPS = 8;
/** Far longer than until the call is repeated that asks how a sweep ended. */
const KEEP_RESULT_MS = 600_000;

type SweepServices = Pick<Services, 'bulkReads' | 'counts'> & {
  readonly broker: Pick<Services['broker'], 'unregister'>;
  readonly bulkBroker: Pick<Services['bulkBroker'], 'listClients'>;
};

interface Sweep {
  /** Unregistered so far. */
  clients: number;
  /** The key was made and deleted again meanwhile. */
  again: boolean;
  /** In milliseconds of `performance.now()`; null: it goes on. */
  endedAt: number | null;
  /** Rejects when Redis does not answer. */
  readonly ended: Promise<void>;
}

export interface Joined {
  /** Clients that the sweep has unregistered. */
  readonly clients: number;
  readonly done: boolean;
}

export interface SweepOptions {
  /** The call took the key out of the file; false: it was not there. */
  readonly deleted: boolean;
  /** For whom the reads of a new sweep wait in line. */
  readonly caller: string;
  /** How long the end is waited for, in milliseconds. */
  readonly withinMs: number;
}

/**
 * Unregisters the clients of deleted API keys. Each key has one sweep at a time, of two passes over all clients; a call
 * begins it or joins it. It goes on when its callers hang up: the key is gone by then, and its clients should be.
 */
export class ClientSweeps {
  readonly #services: SweepServices;
  readonly #seenWithinMs: number;
  readonly #sweeps = new Map<string, Sweep>();

  /** @param seenWithinMs by then no other control-api registers clients with a deleted key */
  constructor(services: SweepServices, seenWithinMs: number) {
    this.#services = services;
    this.#seenWithinMs = seenWithinMs;
  }

  /**
   * Gives what the sweep of a key has done when it ends, or when the time is over. How one ended that no call has waited
   * for is given to the next call.
   * @throws {ProblemError} too-many-calls
   */
  async join(keyId: string, { deleted, caller, withinMs }: SweepOptions): Promise<Joined> {
    const sweep = this.#sweepOf(keyId, deleted, caller);
    const timer = new AbortController();
    await Promise.race([
      sweep.ended,
      delay(withinMs, undefined, { signal: timer.signal, ref: false }).catch(() => undefined),
    ]).finally(() => timer.abort());
    const done = sweep.endedAt !== null;
    if (done && this.#sweeps.get(keyId) === sweep) this.#sweeps.delete(keyId);
    return { clients: sweep.clients, done };
  }

  #sweepOf(keyId: string, deleted: boolean, caller: string): Sweep {
    const now = performance.now();
    for (const [id, { endedAt }] of this.#sweeps) {
      if (endedAt !== null && now - endedAt > KEEP_RESULT_MS) this.#sweeps.delete(id);
    }
    const known = this.#sweeps.get(keyId);
    if (known !== undefined && (known.endedAt === null || !deleted)) {
      known.again ||= deleted;
      return known;
    }
    const underWay = [...this.#sweeps.values()].filter(({ endedAt }) => endedAt === null).length;
    if (!deleted && underWay >= MAX_SWEEPS) {
      throw new ProblemError('too-many-calls', {
        detail: `Clients of ${MAX_SWEEPS} keys are being unregistered here: wait for them`,
        retryAfterSeconds: 10,
      });
    }
    const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
    const sweep: Sweep = { clients: 0, again: deleted, endedAt: null, ended };
    // Calls that wait for it reject; there may be none.
    ended.catch(() => undefined);
    this.#sweeps.set(keyId, sweep);
    this.#run(keyId, sweep, caller).then(
      () => {
        sweep.endedAt = performance.now();
        return resolve();
      },
      (error: unknown) => {
        // A repeated call begins anew.
        if (this.#sweeps.get(keyId) === sweep) this.#sweeps.delete(keyId);
        reject(error);
      },
    );
    return sweep;
  }

  async #run(keyId: string, sweep: Sweep, caller: string): Promise<void> {
    do {
      const { again } = sweep;
      sweep.again = false;
      await this.#pass(keyId, sweep, caller);
      // There is no such key, or all was done by an earlier call.
      if (!again && !sweep.again && sweep.clients === 0) return;
      await delay(this.#seenWithinMs, undefined, { ref: false });
      await this.#pass(keyId, sweep, caller);
    } while (sweep.again);
  }

  /** Page by page of all clients. */
  async #pass(keyId: string, sweep: Sweep, caller: string): Promise<void> {
    const { broker, bulkBroker, bulkReads, counts } = this.#services;
    let after: string | null = null;
    do {
      const from: string | null = after;
      const page: Page<ClientState> = await bulkReads.run(
        caller,
        () => false,
        () => bulkBroker.listClients(from, MAX_PAGE),
      );
      const ids = page.items.flatMap(({ key, clientId }) => (key === keyId ? [clientId] : []));
      const unregisterNext = async (): Promise<void> => {
        for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
          // False: it was unregistered in between.
          if (!(await broker.unregister(id))) continue;
          counts.unregistrations.inc();
          sweep.clients += 1;
        }
      };
      await Promise.all(Array.from({ length: MAX_CONCURRENT }, unregisterNext));
      after = page.cursor;
    } while (after !== null);
  }
}
