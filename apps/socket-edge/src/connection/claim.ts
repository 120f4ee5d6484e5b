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

  /** Gives whether the state has changed since the beginning. */
  end(clientId: string): boolean {
    const pending = this.#clients.get(clientId);
    if (!pending) return false;
    pending.handshakes -= 1;
    if (pending.handshakes === 0) this.#clients.delete(clientId);
    return pending.changed;
  }
}
