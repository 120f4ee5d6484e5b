import type { ClaimOutcome, EdgeBroker } from '@holdfast/broker/broker';
import { PENDING_SECONDS } from '@holdfast/broker/pending';
import { closeCodes } from '@holdfast/protocol/close-codes';
import type { PendingHandshakes } from '../connection/claim.ts';
import type { Connection } from '../connection/connection.ts';
import type { ConnectionRegistry } from '../connection/registry.ts';
import type { Counters } from '../counters.ts';
import type { Freshness } from './freshness.ts';
import { LostClaims } from './lost-claims.ts';
import type { Releases } from './releases.ts';
import { StateMatcher, type StateMatcherDeps } from './state-matcher.ts';

/** Changed clients read at a time. */
const MAX_BATCH = 500;
/** An edge that did not look for so long may find its dirty set gone. */
const FORGOTTEN_MS = (PENDING_SECONDS * 1000) / 2;
/** In so long every connection is compared with Redis once, whether or not anything was notified. */
const WALK_MS = 25_000;

export interface ReconcileDeps extends StateMatcherDeps {
  broker: Pick<EdgeBroker, 'claim' | 'release' | 'readPending' | 'acknowledge' | 'notify'>;
  registry: ConnectionRegistry;
  releases: Pick<Releases, 'add' | 'reasonOf'>;
  pending: PendingHandshakes;
  freshness: Freshness;
  counters: Counters;
}

/**
 * Makes connections match what Redis has of their clients: the one path for subscribe, unsubscribe, unregister, disconnect,
 * take-over and messages to a single client. A wake-up names a client whose state has changed; a steady walk over all
 * connections finds whatever was not notified. Reading is claiming: Redis answers only what differs, and a client that it
 * believes to have an older owner, or none, becomes the connection's again.
 */
export class Reconciler {
  readonly #deps: ReconcileDeps;
  readonly #matcher: StateMatcher;
  readonly #lostClaims: LostClaims;
  /** Clients to be read: noted before they are acknowledged, and until they have been read. */
  readonly #unread = new Set<string>();
  /** The number of the last read that has begun. */
  lastRead = 0;
  #reading = false;
  #readAgain = false;
  #walkedAt = performance.now();
  #lookedAt = performance.now();

  constructor(deps: ReconcileDeps) {
    this.#deps = deps;
    this.#matcher = new StateMatcher(deps, this);
    this.#lostClaims = new LostClaims({ ...deps, reread: (clientId) => this.reread(clientId) });
  }

  /** Numbers a read of a client's state that begins now. */
  nextRead(): number {
    this.lastRead += 1;
    return this.lastRead;
  }

  /** Something may have changed: reads it soon, once, however often it is called until then. */
  wake(): void {
    if (this.#reading) this.#readAgain = true;
    else this.readPending().catch(this.#deps.onError);
  }

  /** Has one client read again. */
  reread(clientId: string): void {
    this.#unread.add(clientId);
    this.wake();
  }

  /** The same, whatever state its connection has. */
  reapply(connection: Connection): void {
    connection.digest = 0;
    this.reread(connection.clientId);
  }

  /** Has every client compared, after wake-ups may have been lost; until then no messages are sent. */
  compareAll(): void {
    this.#deps.freshness.expire();
    this.#markAllUnread();
    this.wake();
  }

  /** Reads and applies everything that was notified. Rejects when Redis does not answer; nothing is lost by that. */
  async readPending(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    const { broker, edge, pending, freshness } = this.#deps;
    try {
      do {
        this.#readAgain = false;
        const since = performance.now();
        if (since - this.#lookedAt > FORGOTTEN_MS) this.#markAllUnread();
        const clientIds = await broker.readPending(edge, MAX_BATCH);
        for (const clientId of clientIds) {
          this.#unread.add(clientId);
          pending.onChange(clientId);
        }
        await broker.acknowledge(edge, clientIds);
        await this.#readUnread();
        this.#lookedAt = since;
        if (clientIds.length < MAX_BATCH) freshness.update(since);
        else this.#readAgain = true;
      } while (this.#readAgain);
    } finally {
      this.#reading = false;
    }
  }

  /** Compares the connections that are due. Rejects when Redis does not answer; the next round comes by again. */
  async walk(): Promise<void> {
    const { registry, counters } = this.#deps;
    const now = performance.now();
    this.#lostClaims.readDue(now);
    const due = Math.ceil((registry.size * (now - this.#walkedAt)) / WALK_MS);
    this.#walkedAt = now;
    await Promise.all(
      registry.walk(due).map(async (connection) => {
        if (await this.#compare(connection)) counters.driftFound += 1;
      }),
    );
  }

  /** Claims a client that had another owner, for a new connection that is open by now. */
  takeOver(connection: Connection): void {
    connection.suspend();
    this.#compare(connection).catch((error: unknown) => {
      // It may own the client by now: then who else is to be notified is read too.
      connection.digest = 0;
      this.#unread.add(connection.clientId);
      this.#deps.onError(error);
    });
  }

  /** A claim of a client failed: it may have taken place, or do so yet. Has it read now, and once more after a while. */
  onClaimFailed(clientId: string): void {
    this.#lostClaims.onFailed(clientId);
    this.reread(clientId);
  }

  #markAllUnread(): void {
    for (const clientId of this.#deps.registry.clientIds()) this.#unread.add(clientId);
  }

  /** A client that cannot be read is sent no messages until it is: on a Cluster one node may be away. */
  async #readUnread(): Promise<void> {
    const clientIds = [...this.#unread];
    for (let from = 0; from < clientIds.length; from += MAX_BATCH) {
      const batch = clientIds.slice(from, from + MAX_BATCH);
      for (const clientId of batch) this.#unread.delete(clientId);
      await Promise.all(
        batch.map((clientId) =>
          this.#read(clientId).catch((error: unknown) => {
            this.#unread.add(clientId);
            this.#deps.registry.get(clientId)?.suspend();
            this.#deps.onError(error);
          }),
        ),
      );
    }
  }

  async #read(clientId: string): Promise<void> {
    const { broker, edge, registry, pending, releases } = this.#deps;
    const connection = registry.get(clientId);
    if (connection !== undefined) await this.#compare(connection);
    // One of its handshakes may own it. When the last one has come to nothing, it is read again.
    else if (pending.has(clientId)) pending.onChange(clientId);
    // A claim whose answer got lost, or a release that did, made this edge the owner of a client that it does not have.
    // One whose release only waits is released for the reason that it has: this may come first.
    else {
      await broker.release(clientId, edge, 0, releases.reasonOf(clientId));
      // That may have reached Redis after the claim of a handshake that began meanwhile.
      if (registry.get(clientId) !== undefined || pending.has(clientId)) this.reread(clientId);
    }
  }

  /** Reads a client's state if it differs, and applies it. Returns whether the connection served anything else. */
  async #compare(connection: Connection): Promise<boolean> {
    const { broker, edge } = this.#deps;
    const { clientId, generation, incarnation, digest } = connection;
    const read = this.nextRead();
    let outcome: ClaimOutcome;
    try {
      outcome = await broker.claim({ clientId, edge, generation, incarnation, digest });
    } catch (error) {
      // The connection may be gone before it is compared again.
      this.#lostClaims.onFailed(clientId);
      throw error;
    }
    return this.#accept(connection, outcome, read);
  }

  #accept(connection: Connection, outcome: ClaimOutcome, read: number): boolean {
    const { pending, releases } = this.#deps;
    const { clientId, endReason: reason } = connection;
    const owner = outcome.kind === 'owned-by-other' ? (outcome.client.owner ?? outcome.client.goneOwner) : undefined;
    if (owner !== undefined && this.#lostClaims.has(connection, owner)) {
      // What it serves may have changed.
      connection.suspend();
      this.#lostClaims.release(connection, owner);
      return true;
    }
    // Also when a newer connection of this edge has replaced it.
    if (connection.phase === 'closed') {
      // With another generation it was not released when it ended.
      if (outcome.kind === 'claimed') {
        const { client, generation } = outcome;
        releases.add({ clientId, generation, reason, onReleased: () => this.#matcher.notifyOthers(client) });
      }
      return false;
    }
    // Older than what has been applied.
    if (read < connection.stateRead) return false;
    connection.stateRead = read;
    if (outcome.kind === 'unchanged') {
      connection.dropTombstones(read);
      if (connection.resume()) this.#matcher.deliverInbox(connection);
      return false;
    }
    if (outcome.kind === 'not-found') {
      connection.close(closeCodes.unregistered);
      return true;
    }
    if (outcome.kind === 'owned-by-other') {
      if (!pending.has(clientId)) {
        connection.close(closeCodes.replaced);
        return true;
      }
      // The newer one may be a handshake of this edge, which closes this connection when it succeeds. Otherwise the client
      // is read again.
      pending.onChange(clientId);
      connection.suspend();
      return true;
    }
    const changed = this.#matcher.apply(connection, { ...outcome, read });
    // Not before it has left the topics that it is to leave.
    if (connection.resume()) this.#matcher.deliverInbox(connection);
    return changed;
  }
}
