import type { ClaimOutcome } from '@holdfast/broker/broker';
import type { ClientState } from '@holdfast/broker/client-state';
import type { Transport } from '../transport/transport.ts';
import type { Connection, ConnectionClaim } from './connection.ts';

type WonClaim = Extract<ClaimOutcome, { kind: 'claimed' | 'owned-by-other' }>;

/** What becomes of a claim. */
interface ClaimEnds {
  open(claim: Claim, transport: Transport, resume: boolean, watches: boolean): Connection;
  abandon(claim: Claim): void;
}

/**
 * The right to open a connection for a client. A client without an owner is owned from now on by the connection to come;
 * one with an owner stays with it until the connection is open, and so does one of which another handshake may be under
 * way. A claim ends exactly once: it is opened, or else abandoned when it is disposed of, and then it has changed nothing.
 */
export class Claim implements ConnectionClaim, Disposable {
  readonly client: ClientState;
  readonly generation: number;
  readonly digest: number;
  readonly read: number;
  readonly sentAt: number;
  readonly isOwner: boolean;
  #ends: ClaimEnds | null;

  /**
   * @param read the number of the read of the state that came with it
   * @param sentAt when it was sent, in milliseconds of the monotonic clock
   */
  constructor({ kind, client, generation, digest }: WonClaim, read: number, sentAt: number, ends: ClaimEnds) {
    this.client = client;
    this.generation = generation;
    this.digest = digest;
    this.read = read;
    this.sentAt = sentAt;
    this.isOwner = kind === 'claimed';
    this.#ends = ends;
  }

  /**
   * The handshake is done: begins the connection, and closes an older one of the client. With `resume` its first frame is
   * awaited before the welcome; one that `watches` is shown who is present.
   */
  open(transport: Transport, resume: boolean, watches = false): Connection {
    return this.#end().open(this, transport, resume, watches);
  }

  /** The handshake came to nothing. An older connection of the client, if there is one, stays. */
  abandon(): void {
    this.#end().abandon(this);
  }

  [Symbol.dispose](): void {
    if (this.#ends !== null) this.abandon();
  }

  #end(): ClaimEnds {
    const ends = this.#ends;
    if (ends === null) throw new Error('the claim has ended already');
    this.#ends = null;
    return ends;
  }
}

/**
 * Clients whose handshake is between its claim and its connection. A change that comes meanwhile may be newer than what
 * the claim read, and there is no connection yet to apply it to: it is remembered for it.
 */
export class PendingHandshakes {
  readonly #clients = new Map<string, { handshakes: number; changed: boolean }>();

  has(clientId: string): boolean {
    return this.#clients.has(clientId);
  }

  begin(clientId: string): void {
    const pending = this.#clients.get(clientId);
    if (pending) pending.handshakes += 1;
    else this.#clients.set(clientId, { handshakes: 1, changed: false });
  }

  /** A client's state has changed, whether or not one of its handshakes is under way. */
  onChange(clientId: string): void {
    const pending = this.#clients.get(clientId);
    if (pending) pending.changed = true;
  }

  /** Returns whether the state has changed since the beginning. */
  end(clientId: string): boolean {
    const pending = this.#clients.get(clientId);
    if (!pending) return false;
    pending.handshakes -= 1;
    if (pending.handshakes === 0) this.#clients.delete(clientId);
    return pending.changed;
  }
}
