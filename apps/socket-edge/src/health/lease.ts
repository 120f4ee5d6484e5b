import type { EdgeBroker } from '@holdfast/broker/broker';
import type { DrainRequest, EdgeDetails, EdgeFacts, LeaseRenewal } from '@holdfast/broker/edge-state';
import { repeat } from '@holdfast/service/backoff';
import { type OnRecovery, WriteHealth } from '@holdfast/redis/write-health';
import type { Counters } from '../counters.ts';
import { ClockDifference } from './clock-difference.ts';

/** A tenth of the lease: many renewals may fail before the edge counts as dead. Pending changes are read as often. */
const RENEW_MS = 1000;
const JITTER = 0.05;
/** Facts hardly ever change; so often they are written all the same, for a Redis that has lost its last writes. */
const FACTS_EVERY = 60;

export interface LeaseDeps {
  broker: EdgeBroker;
  counters: Counters;
  /** Without facts. */
  details: () => EdgeDetails;
  /** The same object until they change. */
  facts?: (() => EdgeFacts) | undefined;
  /** The drain request that the edge follows. */
  request: () => DrainRequest;
  /** One that Redis has. True when the details have changed by it. */
  onRequest: (request: DrainRequest) => boolean;
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
  readonly #clock = new ClockDifference();
  /** Those that Redis has; undefined when it is not sure. */
  #factsWritten: EdgeFacts | undefined;
  #beats = 0;

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

  /** This clock less that of Redis, in milliseconds; undefined until it is known. */
  get clockDifferenceMs(): number | undefined {
    return this.#clock.ms;
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
    const { counters, onRequest, onExpired, onBeat } = this.#deps;
    const { alive, request } = await this.#renew();
    if (!alive && this.#begun) {
      counters.leasesExpired += 1;
      onExpired();
    }
    this.#begun = true;
    this.#first.resolve();
    // At once: until it is written there, Register goes on to send clients to an edge that drains.
    if (onRequest(request) && !this.#ended) await this.#renew();
    await onBeat();
  }

  async #renew(): Promise<LeaseRenewal> {
    const { broker, counters, details, request } = this.#deps;
    const facts = this.#factsToWrite();
    const askedAt = Date.now();
    let renewal: LeaseRenewal;
    try {
      // Before the edge takes its first client: there may be events of it to write.
      if (!this.#begun) await broker.refreshEvents();
      renewal = await broker.renewLease({ ...details(), ...(facts && { facts }) }, request());
    } catch (error) {
      this.#factsWritten = undefined;
      counters.leaseRenewalsMissed += 1;
      this.#renewals.failed(error);
      throw error;
    }
    this.#renewals.worked();
    this.#clock.add(askedAt, Date.now(), renewal.redisNow);
    if (facts !== undefined) this.#factsWritten = facts;
    else if (!renewal.alive) this.#factsWritten = undefined;
    return renewal;
  }

  #factsToWrite(): EdgeFacts | undefined {
    const facts = this.#deps.facts?.();
    this.#beats += 1;
    return facts === this.#factsWritten && this.#beats % FACTS_EVERY !== 0 ? undefined : facts;
  }
}
