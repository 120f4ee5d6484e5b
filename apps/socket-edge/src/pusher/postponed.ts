import type { Attempt, PusherConnection } from './connection.ts';

/** What connections asked for while they took no frames: it waits, in the order in which it came. */
export class Postponed<A extends Attempt & { readonly connection: PusherConnection }> {
  /** By topic. */
  readonly #waiting = new Map<PusherConnection, Map<string, A>>();

  add(attempt: A): void {
    const { connection, topic } = attempt;
    const others = this.#waiting.get(connection);
    if (others === undefined) this.#waiting.set(connection, new Map([[topic, attempt]]));
    else others.set(topic, attempt);
  }

  delete(connection: PusherConnection, topic: string): void {
    const waiting = this.#waiting.get(connection);
    if (waiting?.delete(topic) === true && waiting.size === 0) this.#waiting.delete(connection);
  }

  /** A connection has ended. */
  clear(connection: PusherConnection): void {
    this.#waiting.delete(connection);
  }

  /** Takes out what has waited longest of a connection; null when nothing waits. */
  take(connection: PusherConnection): A | null {
    const [first] = this.#waiting.get(connection)?.values() ?? [];
    if (first === undefined) return null;
    this.delete(connection, first.topic);
    return first;
  }
}
