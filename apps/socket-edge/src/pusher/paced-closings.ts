import type { Fault } from './faults.ts';

/** Over so long closings are spread: clients that come back a second later are then a stream and no wave. */
const SPREAD_MS = 4000;
const STEP_MS = 50;
const STEPS = SPREAD_MS / STEP_MS;
/** The fractions of its multiples are spread evenly over 0 to 1, however many there are. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/** A connection, as it is closed. */
export interface Closable {
  closeWith(fault: Fault): void;
}

interface Closing {
  connection: Closable;
  fault: Fault;
}

/** Closes connections of which one event ends many: each within `SPREAD_MS`, about as many in every step of it. */
export class PacedClosings {
  /** By the step in which they are due. */
  readonly #steps = Array.from({ length: STEPS }, (): Closing[] => []);
  /** The last one that has begun. */
  #step = 0;
  /** Since when steps are counted, in milliseconds of the monotonic clock. */
  #from = 0;
  #waiting = 0;
  /** Since none was waiting. */
  #added = 0;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  /** How many are still to be closed. */
  get size(): number {
    return this.#waiting;
  }

  /** Closes a connection soon; the first one at once. */
  add(connection: Closable, fault: Fault): void {
    if (this.#timer === null) this.#from = performance.now() - this.#step * STEP_MS;
    const ahead = Math.floor(((this.#added * GOLDEN_RATIO) % 1) * STEPS);
    this.#added += 1;
    this.#waiting += 1;
    this.#steps[(this.#step + ahead) % STEPS]?.push({ connection, fault });
    if (ahead === 0) this.#closeDue();
    if (!this.#stopped) this.#timer ??= setInterval(() => this.#next(), STEP_MS);
  }

  /** What is not closed by now is left to whoever ends it. */
  stop(): void {
    this.#stopped = true;
    this.#pause();
  }

  /** By the clock and not by the timer: on a busy machine that comes late. */
  #next(): void {
    const present = Math.floor((performance.now() - this.#from) / STEP_MS);
    while (this.#step < present && this.#waiting > 0) {
      this.#step += 1;
      this.#closeDue();
    }
    if (this.#waiting === 0) this.#pause();
  }

  #closeDue(): void {
    const due = this.#steps[this.#step % STEPS]?.splice(0) ?? [];
    this.#waiting -= due.length;
    for (const { connection, fault } of due) connection.closeWith(fault);
  }

  #pause(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#added = 0;
  }
}
