import { Wheel } from '../schedule/wheel.ts';

/** Channels that one connection may have opened at once, after a while without: more than a page has. */
const AT_ONCE = 100;
/** And then one each so many milliseconds: 20 a second. */
const EVERY_MS = 50;

/** A connection that had channels opened a moment ago. */
interface Limited<A> {
  /** When it may open as many at once as ever, in milliseconds of the monotonic clock. */
  fullAt: number;
  /** By topic, in the order in which they came. */
  readonly waiting: Map<string, A>;
}

/**
 * How fast a connection has channels opened that the edge does not have. Each is made in Redis, and may be an event for
 * webhooks when it comes and when it goes, whoever named it. Those that are too fast wait: clients ask once.
 */
export class OpeningRate<A extends { readonly topic: string }> {
  readonly #open: (attempt: A) => void;
  readonly #limited = new Map<object, Limited<A>>();
  readonly #due: Wheel<object>;

  /** @param open at its time, in the call of `take` or later */
  constructor(open: (attempt: A) => void) {
    this.#open = open;
    this.#due = new Wheel({ everyMs: EVERY_MS, onDue: (connection) => this.#go(connection) });
  }

  /** Connections of which anything is remembered. */
  get size(): number {
    return this.#limited.size;
  }

  take(connection: object, attempt: A): void {
    let limited = this.#limited.get(connection);
    if (limited === undefined) {
      limited = { fullAt: 0, waiting: new Map() };
      this.#limited.set(connection, limited);
    }
    limited.waiting.set(attempt.topic, attempt);
    this.#go(connection);
  }

  /** It does not wait any more. */
  delete(connection: object, topic: string): void {
    this.#limited.get(connection)?.waiting.delete(topic);
  }

  /** The connection has ended. */
  forget(connection: object): void {
    this.#limited.delete(connection);
    this.#due.delete(connection);
  }

  stop(): void {
    this.#due.stop();
  }

  #go(connection: object): void {
    const limited = this.#limited.get(connection);
    if (limited === undefined) return;
    const now = performance.now();
    for (const [topic, attempt] of limited.waiting) {
      if (nextAt(limited) > now) break;
      limited.waiting.delete(topic);
      limited.fullAt = Math.max(limited.fullAt, now) + EVERY_MS;
      this.#open(attempt);
    }
    if (limited.waiting.size > 0) this.#due.set(connection, nextAt(limited));
    else if (limited.fullAt > now) this.#due.set(connection, limited.fullAt);
    else this.forget(connection);
  }
}

/** When the next one may be opened. */
function nextAt({ fullAt }: { fullAt: number }): number {
  return fullAt - (AT_ONCE - 1) * EVERY_MS;
}
