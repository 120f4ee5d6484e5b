import type { ClientIdentity } from '@holdfast/broker/client-state';
import { closeCodes } from '@holdfast/protocol/close-codes';
import { EXPIRING_BEFORE_MS, TOKEN_LEEWAY_SECONDS } from '@holdfast/protocol/limits';
import type { Connection } from '../connection/connection.ts';
import type { TimeSlicer } from '../schedule/slicer.ts';
import { Wheel } from '../schedule/wheel.ts';

const MS = 1000;
/** An end may be met so late. */
const EVERY_MS = 1000;
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
 * Warns connections whose authorization ends soon, and closes those whose authorization has ended. One schedule for all,
 * in which a connection of a client without a token has no part.
 */
export class Authorizations {
  readonly #slicer: TimeSlicer;
  readonly #now: () => number;
  readonly #due: Wheel<Connection>;
  /** The end of authorization that a connection has been warned of. */
  readonly #warnedOf = new WeakMap<Connection, number>();

  constructor({ slicer, now = Date.now }: AuthorizationDeps) {
    this.#slicer = slicer;
    this.#now = now;
    this.#due = new Wheel({ everyMs: EVERY_MS, now, onDue: (connection) => this.update(connection) });
  }

  /** Connections whose authorization has an end. */
  get size(): number {
    return this.#due.size;
  }

  /** The connection has got its welcome, or its client's authorization has changed. */
  update(connection: Connection): void {
    // Thousands of connections of one user may be revoked in the same tick.
    void this.#slicer.run(() => this.#check(connection));
  }

  /** The connection has ended. */
  remove(connection: Connection): void {
    this.#due.delete(connection);
  }

  /** Does what is due. */
  tick(): void {
    this.#due.tick();
  }

  stop(): void {
    this.#due.stop();
  }

  /** Warns or closes when that is due, and schedules what comes next. */
  #check(connection: Connection): void {
    const identity = connection.identity?.client;
    const end = identity?.token?.expiresAt;
    if (connection.phase === 'closed' || identity === undefined || end === undefined) {
      this.#due.delete(connection);
      return;
    }
    const now = this.#now();
    if (authorizationFault(identity, now) !== null) {
      this.#due.delete(connection);
      connection.close(closeCodes.expired);
      return;
    }
    if (this.#warnedOf.get(connection) !== end && now >= end - EXPIRING_BEFORE_MS && connection.phase === 'open') {
      this.#warnedOf.set(connection, end);
      connection.sendControl({ type: 'expiring', inMs: Math.max(0, end - now) });
    }
    const isWarned = this.#warnedOf.get(connection) === end;
    this.#due.set(connection, isWarned ? end + LEEWAY_MS : end - EXPIRING_BEFORE_MS);
  }
}
