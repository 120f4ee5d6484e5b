import { HEARTBEAT_MS } from '@holdfast/protocol/limits';
import { closeCodes } from '@holdfast/protocol/close-codes';
import type { Roster } from './roster.ts';
import type { Tally } from './tally.ts';

const TICK_MS = 1000;
/** Two unanswered pings end a connection. */
const MAX_UNANSWERED = 2;
/** A reader that took nothing for so long will not begin again. */
const STUCK_MS = 60_000;

/**
 * Pings every connection once a heartbeat, a slice of them each second, with one timer for all. Anything heard counts
 * as life. Never waits for Redis.
 */
export class Heartbeat {
  readonly #roster: Roster;
  readonly #tally: Tally;
  readonly #everyMs: number;
  #cursor = 0;

  constructor(roster: Roster, tally: Tally, everyMs: number = HEARTBEAT_MS) {
    this.#roster = roster;
    this.#tally = tally;
    this.#everyMs = everyMs;
  }

  /** Begins; gives back the stop. */
  start(): () => void {
    const timer = setInterval(() => this.tick(), Math.min(TICK_MS, this.#everyMs));
    return () => clearInterval(timer);
  }

  /** One slice. */
  tick(): void {
    const share = Math.ceil((this.#roster.size * Math.min(TICK_MS, this.#everyMs)) / this.#everyMs);
    if (this.#cursor >= this.#roster.size) this.#cursor = 0;
    const now = performance.now();
    for (const connection of this.#roster.slice(this.#cursor, share)) {
      if (connection.congested && now - connection.congestedSince > STUCK_MS) {
        this.#tally.evictedStuck += 1;
        connection.close(closeCodes.tooSlow);
      } else if (connection.unanswered >= MAX_UNANSWERED) {
        this.#tally.heartbeatsMissed += 1;
        connection.transport.terminate();
      } else {
        connection.unanswered += 1;
        connection.transport.ping();
      }
    }
    this.#cursor += share;
  }
}
