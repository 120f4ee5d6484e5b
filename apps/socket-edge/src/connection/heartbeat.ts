import { HEARTBEAT_MS } from '@holdfast/protocol/limits';
import { closeCodes } from '@holdfast/protocol/close-codes';
import type { Connection } from './connection.ts';
import { PING_FRAME } from '../transport/frames.ts';
import { type Broadcast, MAX_BATCH } from '../transport/transport.ts';
import type { ConnectionRegistry } from './registry.ts';
import type { Counters } from '../counters.ts';

const TICK_MS = 1000;
/** Two unanswered pings end a connection. */
const MAX_UNANSWERED = 2;
/** A reader that took nothing for so long will not begin again. */
export const STUCK_MS = 60_000;

export interface HeartbeatOptions {
  registry: ConnectionRegistry;
  broadcast: Broadcast;
  counters: Counters;
  /** How often each connection is pinged, in milliseconds. */
  everyMs?: number;
  /** After how long a connection that takes nothing is closed, in milliseconds. */
  stuckMs?: number;
}

/**
 * Pings every connection once a heartbeat, a slice of them each second, with one timer for all. Anything received counts
 * as life. Never waits for Redis.
 */
export class Heartbeat {
  readonly #registry: ConnectionRegistry;
  readonly #broadcast: Broadcast;
  readonly #counters: Counters;
  readonly #everyMs: number;
  readonly #stuckMs: number;
  #cursor = 0;
  /** Connections that are due, with the fraction that is left over from one slice for the next. */
  #due = 0;

  constructor({ registry, broadcast, counters, everyMs = HEARTBEAT_MS, stuckMs = STUCK_MS }: HeartbeatOptions) {
    this.#registry = registry;
    this.#broadcast = broadcast;
    this.#counters = counters;
    this.#everyMs = everyMs;
    this.#stuckMs = stuckMs;
  }

  /** Begins; returns the stop. */
  start(): () => void {
    const timer = setInterval(() => this.tick(), this.#tickMs);
    return () => clearInterval(timer);
  }

  /** One slice. */
  tick(): void {
    const { size } = this.#registry;
    // Rounded up, the few connections of a quiet edge would all be pinged every second.
    this.#due = Math.min(size, this.#due + (size * this.#tickMs) / this.#everyMs);
    const count = Math.floor(this.#due);
    this.#due -= count;
    if (this.#cursor >= size) this.#cursor = 0;
    const first = this.#registry.slice(this.#cursor, count);
    const rest = this.#registry.slice(0, count - first.length);
    this.#cursor = rest.length > 0 ? rest.length : this.#cursor + count;
    const now = performance.now();
    const due = [...first, ...rest].filter((connection) => this.#isDue(connection, now));
    for (let from = 0; from < due.length; from += MAX_BATCH) {
      const batch = due.slice(from, from + MAX_BATCH);
      const transports = batch.map(({ transport }) => transport);
      this.#broadcast(transports, PING_FRAME, (index) => batch[index]?.onWaiting());
    }
  }

  get #tickMs(): number {
    return Math.min(TICK_MS, this.#everyMs);
  }

  /** Whether it is to be pinged now; ends the connection when it has been silent for too long. */
  #isDue(connection: Connection, now: number): boolean {
    // ws sees to the end of a closing handshake.
    if (connection.phase === 'closed') return false;
    if (connection.congested) {
      // It sees no ping before it has taken what waits, so unanswered pings prove nothing. This does.
      if (now - connection.congestedSince > this.#stuckMs) {
        this.#counters.evictedStuck += 1;
        connection.close(closeCodes.tooSlow);
      }
      return false;
    }
    if (connection.unanswered >= MAX_UNANSWERED) {
      this.#counters.heartbeatsMissed += 1;
      connection.transport.terminate();
      return false;
    }
    connection.unanswered += 1;
    return true;
  }
}
