/**
 * Clients whose handshake is between its claim and its connection. What a letter that comes
 * meanwhile is about may be newer than what the claim read, and there is no connection yet to match: it is kept for it.
 */
export class Openings {
  readonly #clients = new Map<string, { handshakes: number; letter: boolean }>();

  begin(clientId: string): void {
    const opening = this.#clients.get(clientId);
    if (opening) opening.handshakes += 1;
    else this.#clients.set(clientId, { handshakes: 1, letter: false });
  }

  /** A letter came for a client, whether or not one of its handshakes is under way. */
  onLetter(clientId: string): void {
    const opening = this.#clients.get(clientId);
    if (opening) opening.letter = true;
  }

  /** Gives whether a letter came. */
  end(clientId: string): boolean {
    const opening = this.#clients.get(clientId);
    if (!opening) return false;
    opening.handshakes -= 1;
    if (opening.handshakes === 0) this.#clients.delete(clientId);
    return opening.letter;
  }
}
