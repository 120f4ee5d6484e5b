import type { ClientIdentity } from '@holdfast/broker/client-state';
import { closeCodes } from '@holdfast/protocol/close-codes';
import { EXPIRING_BEFORE_MS, TOKEN_LEEWAY_SECONDS } from '@holdfast/protocol/limits';
import type { Connection } from '../connection/connection.ts';
import type { TimeSlicer } from '../schedule/slicer.ts';

const MS = 1000;
const TICK_MS = 1000;
const LEEWAY_MS = TOKEN_LEEWAY_SECONDS * MS;

export type AuthorizationFault = 'token-expired' | 'token-revoked';

/** Why a client may not be connected (any more); null when it may. A token that ends before it was issued is revoked. */
export function authorizationFault({ token }: ClientIdentity, now: number = Date.now()): AuthorizationFault | null {
  if (token === null) return null;
  if (token.expiresAt < token.issuedAt) return 'token-revoked';
  return now >= token.expiresAt + LEEWAY_MS ? 'token-expired' : null;
}

/** What a welcome says of when the client's authorization ends, in milliseconds from now. */
export function expiresIn({ token }: ClientIdentity, now: number = Date.now()): { expiresInMs?: number } {
  return token === null ? {} : { expiresInMs: Math.max(0, token.expiresAt - now) };
}

export interface AuthorizationDeps {
  slicer: TimeSlicer;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

/**
 * Warns connections whose authorization ends soon, and closes those whose authorization has ended. One schedule for all:
 * each connection stands in the bucket of the second in which something is due, and one of a client without a token in none.
 */
export class Authorizations {
  readonly #slicer: TimeSlicer;
  readonly #now: () => number;
  /** By second since the epoch. */
  readonly #buckets = new Map<number, Set<Connection>>();
  /** The second in whose bucket a connection stands, and the end of authorization that it has been warned of. */
  readonly #scheduled = new Map<Connection, { second: number; warnedOf: number | null }>();

  constructor({ slicer, now = Date.now }: AuthorizationDeps) {
    this.#slicer = slicer;
    this.#now = now;
  }

  /** Connections whose authorization has an end. */
  get size(): number {
    return this.#scheduled.size;
  }

  /** Begins to repeat; returns the stop. */
  start(): () => void {
    const timer = setInterval(() => this.tick(), TICK_MS);
    return () => clearInterval(timer);
  }

  /** The connection has got its welcome, or its client's authorization has changed. */
  update(connection: Connection): void {
    const end = connection.identity?.client.token?.expiresAt ?? null;
    const known = this.#scheduled.get(connection);
    if (end === null) {
      if (known !== undefined) this.remove(connection);
      return;
    }
    if (connection.phase === 'closed' || known?.warnedOf === end) return;
    // Thousands of connections of one user may be revoked in the same tick.
    void this.#slicer.run(() => this.#check(connection));
  }

  /** The connection has ended. */
  remove(connection: Connection): void {
    const known = this.#scheduled.get(connection);
    if (known === undefined) return;
    this.#scheduled.delete(connection);
    this.#leaveBucket(connection, known.second);
  }

  /** Does what is due. */
  tick(): void {
    const second = Math.floor(this.#now() / MS);
    for (const [due, connections] of this.#buckets) {
      if (due > second) continue;
      this.#buckets.delete(due);
      for (const connection of connections) void this.#slicer.run(() => this.#check(connection));
    }
  }

  /** Warns or closes when that is due, and schedules what comes next. */
  #check(connection: Connection): void {
    const identity = connection.identity?.client;
    const end = identity?.token?.expiresAt;
    if (connection.phase === 'closed' || identity === undefined || end === undefined) {
      this.remove(connection);
      return;
    }
    const now = this.#now();
    if (authorizationFault(identity, now) !== null) {
      this.remove(connection);
      connection.close(closeCodes.expired);
      return;
    }
    let warnedOf = this.#scheduled.get(connection)?.warnedOf ?? null;
    if (warnedOf !== end && now >= end - EXPIRING_BEFORE_MS && connection.phase === 'open') {
      warnedOf = end;
      connection.sendControl({ type: 'expiring', inMs: Math.max(0, end - now) });
    }
    this.#schedule(connection, warnedOf === end ? end + LEEWAY_MS : end - EXPIRING_BEFORE_MS, warnedOf);
  }

  #schedule(connection: Connection, at: number, warnedOf: number | null): void {
    this.remove(connection);
    // It may have been closed by a frame too many.
    if (connection.phase === 'closed') return;
    const second = Math.ceil(at / MS);
    this.#scheduled.set(connection, { second, warnedOf });
    const bucket = this.#buckets.get(second);
    if (bucket === undefined) this.#buckets.set(second, new Set([connection]));
    else bucket.add(connection);
  }

  #leaveBucket(connection: Connection, second: number): void {
    const bucket = this.#buckets.get(second);
    if (bucket?.delete(connection) === true && bucket.size === 0) this.#buckets.delete(second);
  }
}
