import type { Owner } from '@holdfast/broker/client-state';
import type { PendingHandshakes } from '../connection/claim.ts';
import type { Connection } from '../connection/connection.ts';
import type { ConnectionRegistry } from '../connection/registry.ts';
import type { Releases } from './releases.ts';

/** What was sent on a connection to Redis that was cut has reached it after so long, or never will. */
const LATE_MS = 25_000;
/** Clients that are noted because a claim failed; a handshake may name any. */
const MAX_FAILED = 50_000;

export interface LostClaimsDeps {
  edge: string;
  registry: Pick<ConnectionRegistry, 'get'>;
  pending: Pick<PendingHandshakes, 'has'>;
  releases: Pick<Releases, 'add'>;
  /** Has the client read again. */
  reread: (clientId: string) => void;
}

/** Claims of this edge that took place in Redis, or may do so yet, for connections that there are not. */
export class LostClaims {
  readonly #deps: LostClaimsDeps;
  /** Clients of which a claim failed, and when, in milliseconds of the monotonic clock, the latest last. */
  readonly #failed = new Map<string, number>();
  /** Generations that are being released, by client. */
  readonly #releasing = new Map<string, number>();

  constructor(deps: LostClaimsDeps) {
    this.#deps = deps;
  }

  /** A claim of a client failed: it may have taken place, or do so after what is sent from now on. */
  onFailed(clientId: string): void {
    this.#failed.delete(clientId);
    this.#failed.set(clientId, performance.now());
    const [oldest = clientId] = this.#failed.keys();
    if (this.#failed.size > MAX_FAILED) this.#failed.delete(oldest);
  }

  /** Has those read whose claim failed long enough ago. Of a client that has a connection the walk finds it. */
  readDue(now: number): void {
    for (const [clientId, since] of this.#failed) {
      if (now - since < LATE_MS) return;
      this.#failed.delete(clientId);
      if (this.#deps.registry.get(clientId) === undefined) this.#deps.reread(clientId);
    }
  }

  /**
   * Whether the owner, by Redis, is a connection of this edge that there is not: of a claim that was given up, or of one
   * whose answer got lost or came too late. It has replaced nothing.
   */
  has(connection: Connection, owner: Owner): boolean {
    const { edge, registry, pending } = this.#deps;
    const { clientId } = connection;
    if (owner.edge !== edge || pending.has(clientId)) return false;
    const present = registry.get(clientId);
    return present === undefined || present === connection;
  }

  /** Has the client released by that owner, and read again. */
  release({ clientId, generation: own, endReason: reason }: Connection, { generation }: Owner): void {
    // The connection itself, by a claim that was answered meanwhile.
    if (generation === own) return this.#deps.reread(clientId);
    // It waits for a Redis that takes it.
    if (this.#releasing.get(clientId) === generation) return;
    this.#releasing.set(clientId, generation);
    const onReleased = (): void => {
      this.#releasing.delete(clientId);
      this.#deps.reread(clientId);
    };
    this.#deps.releases.add({ clientId, generation, reason, onReleased });
  }
}
