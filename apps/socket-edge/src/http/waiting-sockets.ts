import type { Socket } from 'node:net';

/** A handshake is sent with the connection. A socket that has sent none for so long is silent, slow, or speaks plain HTTP. */
const SWEEP_EVERY_MS = 1000;
/** Of one address: more than any balancer keeps open for its questions of health. */
const MAX_OF_ADDRESS = 64;

/**
 * Sockets that have not asked for a handshake. Those that have been so for a second are bounded for each address: the
 * oldest go. Many clients that reconnect behind one address, or behind a balancer, are not touched, for each of them asks
 * at once: between two looks the event loop has read what had come, however busy it is.
 */
export class WaitingSockets {
  /** Since the last look. */
  #young = new Set<Socket>();
  readonly #old = new Set<Socket>();
  readonly #maxOfAddress: number;

  constructor({ maxOfAddress = MAX_OF_ADDRESS }: { maxOfAddress?: number } = {}) {
    this.#maxOfAddress = maxOfAddress;
  }

  /** Starts; returns the stop. */
  start(): () => void {
    const timer = setInterval(() => this.sweep(), SWEEP_EVERY_MS);
    timer.unref();
    return () => clearInterval(timer);
  }

  /** A connection was accepted. */
  add(socket: Socket): void {
    this.#young.add(socket);
  }

  /** It has asked for a handshake. */
  remove(socket: Socket): void {
    if (!this.#young.delete(socket)) this.#old.delete(socket);
  }

  /** Ends what is too much of those that were there at the last look. */
  sweep(): void {
    for (const socket of this.#old) if (socket.destroyed) this.#old.delete(socket);
    if (this.#old.size > this.#maxOfAddress) this.#endOldest();
    for (const socket of this.#young) if (!socket.destroyed) this.#old.add(socket);
    this.#young = new Set();
  }

  #endOldest(): void {
    // Newest first, so that the oldest of an address are those beyond its bound.
    const ofAddress = new Map<string, number>();
    for (const socket of [...this.#old].toReversed()) {
      const address = socket.remoteAddress ?? '';
      const count = (ofAddress.get(address) ?? 0) + 1;
      ofAddress.set(address, count);
      if (count <= this.#maxOfAddress) continue;
      this.#old.delete(socket);
      socket.destroy();
    }
  }
}
