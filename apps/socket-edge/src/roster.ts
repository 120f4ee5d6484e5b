import type { Connection } from './connection.ts';

/** Every connection of this edge: by client, and in a list that can be walked in slices while it changes. */
export class Roster {
  readonly #byClient = new Map<string, Connection>();
  readonly #all: Connection[] = [];

  get size(): number {
    return this.#all.length;
  }

  get(clientId: string): Connection | undefined {
    return this.#byClient.get(clientId);
  }

  /** Takes a connection in; gives back the one of the same client that it replaces. */
  add(connection: Connection): Connection | undefined {
    const older = this.#byClient.get(connection.clientId);
    if (older) this.remove(older);
    this.#byClient.set(connection.clientId, connection);
    connection.rosterIndex = this.#all.push(connection) - 1;
    return older;
  }

  remove(connection: Connection): void {
    if (this.#byClient.get(connection.clientId) === connection) this.#byClient.delete(connection.clientId);
    const index = connection.rosterIndex;
    if (index < 0) return;
    connection.rosterIndex = -1;
    const last = this.#all.pop();
    if (last === undefined || last === connection) return;
    this.#all[index] = last;
    last.rosterIndex = index;
  }

  /** The connections from one place of the list on, fewer at its end. */
  slice(from: number, count: number): Connection[] {
    return this.#all.slice(from, from + count);
  }

  clientIds(): string[] {
    return [...this.#byClient.keys()];
  }
}
