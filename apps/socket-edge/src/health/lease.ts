import type { EdgeBroker, EdgeDetails } from '@holdfast/broker/broker';
import { repeat } from '@holdfast/service/backoff';
import { type OnRecovery, WriteHealth } from '@holdfast/redis/write-health';
import type { Counters } from '../counters.ts';

/** A tenth of the lease: many renewals may fail before the edge counts as dead. Pending changes are read as often. */
const RENEW_MS = 1000;
const JITTER = 0.05;

export interface LeaseDeps {
  broker: EdgeBroker;
  counters: Counters;
  details: () => EdgeDetails;
  /** The lease expired: other edges may own this edge's clients, and Redis may have forgotten everything. */
  onExpired: () => void;
  /** After each renewal. */
  onBeat: () => Promise<void>;
  onError: (error: unknown) => void;
  /** The lease is renewed again after renewals failed. */
  onRecovery?: OnRecovery;
}

/** Keeps the edge's lease alive, and drives everything that is done once a second. */
export class Lease {
  readonly #deps: LeaseDeps;
  #begun = false;
  #ended = false;
  readonly #first = Promise.withResolvers<void>();
  readonly #renewals: WriteHealth;

  constructor(deps: LeaseDeps) {
    this.#deps = deps;
    this.#renewals = new WriteHealth(deps.onRecovery);
  }

  /** Why the lease is not renewed now; null when it is. */
  get fault(): string | null {
    return this.#renewals.fault;
  }

  /** Whether Redis has ever taken the lease: an edge without one owns no clients. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Resolves when Redis has taken the lease for the first time. */
  get first(): Promise<void> {
    return this.#first.promise;
  }

  /** Begins to repeat; returns the stop. */
  start(): () => void {
    return repeat(() => this.beat(), { intervalMs: RENEW_MS, jitter: JITTER, onError: this.#deps.onError });
  }

  /** Drops the lease, for good. Rejects when Redis does not answer. */
  async end(): Promise<void> {
    // A beat in between would make a dead edge count as alive for as long as a lease lasts.
    this.#ended = true;
    await this.#deps.broker.dropLease(this.#deps.details().id);
  }

  /** Renews once. Rejects when Redis does not answer. */
  async beat(): Promise<void> {
    if (this.#ended) return;
    const { broker, counters, details, onExpired, onBeat } = this.#deps;
    let alive: boolean;
    try {
      // Before the edge takes its first client: there may be events of it to write.
      if (!this.#begun) await broker.refreshEvents();
      alive = await broker.renewLease(details());
    } catch (error) {
      counters.leaseRenewalsMissed += 1;
      this.#renewals.failed(error);
      throw error;
    }
    this.#renewals.worked();
    if (!alive && this.#begun) {
      counters.leasesExpired += 1;
      onExpired();
    }
    this.#begun = true;
    this.#first.resolve();
    await onBeat();
  }
}
