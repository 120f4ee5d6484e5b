import { Wheel } from '../schedule/wheel.ts';

/** Channels that one connection may have opened at once, after a while without: more than a page has. */
const AT_ONCE = 100;
/** And then one each so many milliseconds: 20 a second. */
const EVERY_MS = 50;

/** A connection that had channels opened a moment ago. */
interface Paced<A> {
  /** When it may open as many at once as ever, in milliseconds of the monotonic clock. */
  fullAt: number;
  /** By topic, in the order in which they came. */
  readonly waiting: Map<string, A>;
}

/**
 * How fast a connection has channels opened that the edge does not have. Each is made in Redis, and may be an event for
 * webhooks when it comes and when it goes, whoever named it. Those that are too fast wait: clients ask once.
 */
export class OpeningPace<A extends { readonly topic: string }> {
  readonly #open: (attempt: A) => void;
  readonly #paced = new Map<object, Paced<A>>();
  readonly #due: Wheel<object>;

  /** @param open at its time, in the call of `take` or later */
  constructor(open: (attempt: A) => void) {
    this.#open = open;
    this.#due = new Wheel({ everyMs: EVERY_MS, onDue: (connection) => this.#go(connection) });
  }

  /** Connections of which anything is remembered. */
  get size(): number {
    return this.#paced.size;
  }

  take(connection: object, attempt: A): void {
    let paced = this.#paced.get(connection);
    if (paced === undefined) {
      paced = { fullAt: 0, waiting: new Map() };
      this.#paced.set(connection, paced);
    }
    paced.waiting.set(attempt.topic, attempt);
    this.#go(connection);
  }

  /** It does not wait any more. */
  delete(connection: object, topic: string): void {
    this.#paced.get(connection)?.waiting.delete(topic);
  }

  /** The connection has ended. */
  forget(connection: object): void {
    this.#paced.delete(connection);
    this.#due.delete(connection);
  }

  stop(): void {
    this.#due.stop();
  }

  #go(connection: object): void {
    const paced = this.#paced.get(connection);
    if (paced === undefined) return;
    const now = performance.now();
    for (const [topic, attempt] of paced.waiting) {
      if (nextAt(paced) > now) break;
      paced.waiting.delete(topic);
      paced.fullAt = Math.max(paced.fullAt, now) + EVERY_MS;
      this.#open(attempt);
    }
    if (paced.waiting.size > 0) this.#due.set(connection, nextAt(paced));
    else if (paced.fullAt > now) this.#due.set(connection, paced.fullAt);
    else this.forget(connection);
  }
}

/** When the next one may be opened. */
function nextAt({ fullAt }: { fullAt: number }): number {
  return fullAt - (AT_ONCE - 1) * EVERY_MS;
}
