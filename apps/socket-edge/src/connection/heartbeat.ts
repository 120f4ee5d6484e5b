import { HEARTBEAT_MS } from '@holdfast/protocol/limits';
import type { ConnectionSlices, KeptConnection } from './connection-list.ts';
import { PING_FRAME } from '../transport/frames.ts';
import { type Broadcast, MAX_BATCH } from '../transport/transport.ts';
import type { Counters } from '../counters.ts';

const TICK_MS = 1000;
/** Two unanswered pings end a connection. */
const MAX_UNANSWERED = 2;
/** A reader that took nothing for so long will not begin again. */
export const STUCK_MS = 60_000;

export interface HeartbeatOptions {
  /** Every connection is in one of them. */
  lists: readonly ConnectionSlices[];
  broadcast: Broadcast;
  counters: Counters;
  /** How often each connection is pinged, in milliseconds. */
  everyMs?: number;
  /** After how long a connection that takes nothing is closed, in milliseconds. */
  stuckMs?: number;
}

/** How far one list has got. */
interface Progress {
  readonly list: ConnectionSlices;
  cursor: number;
  /** Connections that are due, with the fraction that is left over from one slice for the next. */
  due: number;
}

/**
 * Pings every connection once a heartbeat, a slice of them each second, with one timer for all. Anything received counts
 * as life. Never waits for Redis.
 */
export class Heartbeat {
  readonly #progress: readonly Progress[];
  readonly #broadcast: Broadcast;
  readonly #counters: Counters;
  readonly #everyMs: number;
  readonly #stuckMs: number;

  constructor({ lists, broadcast, counters, everyMs = HEARTBEAT_MS, stuckMs = STUCK_MS }: HeartbeatOptions) {
    this.#progress = lists.map((list) => ({ list, cursor: 0, due: 0 }));
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

  /** One slice of each list. */
  tick(): void {
    for (const progress of this.#progress) this.#ping(this.#next(progress));
  }

  /** The connections of a list whose turn it is. */
  #next(progress: Progress): KeptConnection[] {
    const { list } = progress;
    const { size } = list;
    // Rounded up, the few connections of a quiet edge would all be pinged every second.
    progress.due = Math.min(size, progress.due + (size * this.#tickMs) / this.#everyMs);
    const count = Math.floor(progress.due);
    progress.due -= count;
    if (progress.cursor >= size) progress.cursor = 0;
    const first = list.slice(progress.cursor, count);
    const rest = list.slice(0, count - first.length);
    progress.cursor = rest.length > 0 ? rest.length : progress.cursor + count;
    return [...first, ...rest];
  }

  #ping(connections: readonly KeptConnection[]): void {
    const now = performance.now();
    const due = connections.filter((connection) => this.#isDue(connection, now));
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
  #isDue(connection: KeptConnection, now: number): boolean {
    // ws sees to the end of a closing handshake.
    if (connection.phase === 'closed') return false;
    if (connection.congested) {
      // It sees no ping before it has taken what waits, so unanswered pings prove nothing. This does.
      if (now - connection.congestedSince > this.#stuckMs) {
        this.#counters.evictedStuck += 1;
        connection.closeSlow();
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
