import type { Connection } from './connection.ts';
import { ConnectionList } from './connection-list.ts';

/** Every connection of this edge: by client, and in a list that can be walked in slices while it changes. */
export class ConnectionRegistry {
  readonly #byClient = new Map<string, Connection>();
  readonly #all = new ConnectionList<Connection>();
  #walk: Iterator<Connection> | null = null;

  get size(): number {
    return this.#all.size;
  }

  get(clientId: string): Connection | undefined {
    return this.#byClient.get(clientId);
  }

  /**
   * Takes a connection in, unless there is a newer one of the same client. Returns the one of the two that is older, and to
   * be closed.
   */
  add(connection: Connection): Connection | undefined {
    const present = this.#byClient.get(connection.clientId);
    if (present && isNewer(present, connection)) return connection;
    if (present) this.remove(present);
    this.#byClient.set(connection.clientId, connection);
    this.#all.add(connection);
    return present;
  }

  remove(connection: Connection): void {
    if (this.#byClient.get(connection.clientId) === connection) this.#byClient.delete(connection.clientId);
    this.#all.remove(connection);
  }

  /** The connections from one place of the list on, fewer at its end. */
  slice(from: number, count: number): Connection[] {
    return this.#all.slice(from, count);
  }

  clientIds(): MapIterator<string> {
    return this.#byClient.keys();
  }

  /** The next connections of an endless walk. Each has its turn in every round, whichever come and go meanwhile. */
  walk(count: number): Connection[] {
    const some: Connection[] = [];
    while (some.length < Math.min(count, this.size)) {
      this.#walk ??= this.#byClient.values();
      const next = this.#walk.next();
      if (next.done === true) {
        this.#walk = null;
        if (some.length > 0) break;
      } else {
        some.push(next.value);
      }
    }
    return some;
  }
}

/**
 * Generations order the claims of one registration; Redis' clock, which they follow, may be set back before the next. A
 * connection that was closed by a later read, as its registration is gone, is not newer than one of the present registration.
 */
function isNewer(connection: Connection, other: Connection): boolean {
  if (connection.incarnation === other.incarnation) return connection.generation > other.generation;
  return connection.phase !== 'closed' && connection.stateRead > other.stateRead;
}
