import type { Transport } from '../transport/transport.ts';
import type { Phase } from './sender.ts';

/** A connection of whatever protocol, as the heartbeat and the drain see it. */
export interface KeptConnection {
  readonly transport: Transport;
  readonly phase: Phase;
  /** Too much waits for its socket, since `congestedSince`, in milliseconds of the monotonic clock. */
  readonly congested: boolean;
  readonly congestedSince: number;
  /** Pings since anything was received. */
  unanswered: number;
  /** Something was sent past it, and may wait for the socket. */
  onWaiting(): void;
  /** Closes it, because it does not take what it is sent. */
  closeSlow(): void;
  /** Closes it, so that its client connects elsewhere. */
  closeForDrain(): void;
}

/** Connections in an order of their own, that may change between two looks. */
export interface ConnectionSlices<C extends KeptConnection = KeptConnection> {
  readonly size: number;
  /** The connections from one place on, fewer at the end. */
  slice(from: number, count: number): C[];
}

interface Listed {
  /** Its place in its list; -1 in none. */
  registryIndex: number;
}

/** A list of connections that each know their place in it, so that one leaves at no cost. */
export class ConnectionList<C extends Listed> {
  readonly #all: C[] = [];

  get size(): number {
    return this.#all.length;
  }

  add(connection: C): void {
    connection.registryIndex = this.#all.push(connection) - 1;
  }

  /** The last one takes its place. */
  remove(connection: C): void {
    const index = connection.registryIndex;
    if (index < 0) return;
    connection.registryIndex = -1;
    const last = this.#all.pop();
    if (last === undefined || last === connection) return;
    this.#all[index] = last;
    last.registryIndex = index;
  }

  /** The connections from one place of the list on, fewer at its end. */
  slice(from: number, count: number): C[] {
    return this.#all.slice(from, from + count);
  }
}
