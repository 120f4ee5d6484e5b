import { afterClose, parseRetryAfter } from '@holdfast/protocol/close-codes';

/** The first delay is drawn below this: soon, yet spread, because one edge's death sends all its clients at once. */
const BASE_MS = 250;
/** No client waits longer than this for an installation that is back. */
const CAP_MS = 15_000;

/** Full jitter: anything from 0 to a bound that doubles with every failure in a row. In milliseconds. */
export function backoffMs(failures: number): number {
  return Math.random() * Math.min(CAP_MS, BASE_MS * 2 ** failures);
}

/** Decides when the next attempt to connect is due, and makes it then. */
export class ReconnectTimer {
  readonly #attempt: () => void;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueAt = 0;
  /** Whether the delay is a back-off of our own choice, which a page that comes back may cut short. */
  #mayHurry = true;

  constructor(attempt: () => void) {
    this.#attempt = attempt;
  }

  /** Connections in a row that failed or did not last. */
  get failures(): number {
    return this.#failures;
  }

  /**
   * A connection or an attempt has ended. Returns the delay until the next attempt, in milliseconds.
   * @param atLeastMs no attempt makes sense before; nothing cuts that short
   */
  start(code: number, reason: string, wasStable: boolean, atLeastMs = 0): number {
    const next = afterClose(code);
    // An edge that asks for back-off gets it, however long the connection lasted.
    if (wasStable && next !== 'reconnect-with-backoff') this.#failures = 0;
    const asked = next === 'reconnect-after-delay' ? parseRetryAfter(reason) : undefined;
    const delayMs = Math.max(asked ?? backoffMs(this.#failures), atLeastMs);
    this.#failures++;
    this.#mayHurry =
      atLeastMs === 0 && (next === 'reconnect' || next === 'authorize-again' || next === 'register-again');
    this.#schedule(delayMs);
    return delayMs;
  }

  /** The network has changed: earlier failures predict nothing. */
  forgetFailures(): void {
    this.#failures = 0;
  }

  /** Brings the attempt forward to `withinMs` from now, unless an edge asked for the delay and it is not over. */
  hurry(withinMs: number): void {
    const leftMs = Math.max(0, this.#dueAt - performance.now());
    // Also an attempt that is due: the timers of a hidden page stand still.
    if (this.#mayHurry || leftMs === 0) this.#schedule(Math.min(withinMs, leftMs));
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#dueAt = performance.now() + delayMs;
    this.#timer = setTimeout(this.#attempt, delayMs);
  }
}
