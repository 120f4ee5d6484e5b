import type { EdgeChannels, KnownApp } from '@holdfast/broker/broker';
import pLimit from 'p-limit';

/** In so long every known app is read again. */
const REFRESH_MS = 5000;
/** How long it is believed that there is no such app. */
const UNKNOWN_MS = 1000;
/** Keys that are believed to be of no app: whoever guesses keys does not fill the memory. */
const MAX_UNKNOWN = 1000;
/**
 * An app that is not there once may be one that a Redis without its last writes has forgotten, which its control-api writes
 * again within seconds.
 */
const REMOVED_MS = 15_000;
/** Reads at a time. */
const MAX_READS = 16;

/** An app as this edge knows it: one object for all of its connections. */
export interface AppInUse {
  known: KnownApp;
  /** Since when Redis has other apps and not this one, in milliseconds of the monotonic clock; null while it has it. */
  missingSince: number | null;
  readAt: number;
  /** How many there are here. */
  connections: number;
}

export type AppLookup =
  | { kind: 'app'; app: AppInUse }
  /** There is none. */
  | { kind: 'unknown' }
  /** Redis has no apps at all. */
  | { kind: 'none' };

export interface AppsDeps {
  readApp: EdgeChannels['readApp'];
  /** The app has been taken away. */
  onRemoved: (app: AppInUse) => void;
  onError: (error: unknown) => void;
  /** Milliseconds of the monotonic clock. */
  now?: () => number;
}

/** The apps whose connections are here. Each is read when it is first asked for, and again every few seconds. */
export class Apps {
  readonly #deps: Required<AppsDeps>;
  readonly #apps = new Map<string, AppInUse>();
  /** Keys of no app, and until when that is believed. */
  readonly #unknown = new Map<string, number>();
  readonly #reading = new Map<string, Promise<AppLookup>>();
  readonly #limit = pLimit(MAX_READS);

  constructor(deps: AppsDeps) {
    this.#deps = { now: () => performance.now(), ...deps };
  }

  /** How many apps are known. */
  get size(): number {
    return this.#apps.size;
  }

  /** How many connections each has here, by its id. */
  connections(): Record<string, number> {
    const counts = new Map<string, number>();
    for (const { known, connections } of this.#apps.values()) {
      if (connections > 0) counts.set(known.appId, (counts.get(known.appId) ?? 0) + connections);
    }
    return Object.fromEntries(counts);
  }

  /** What is known now; null when it is to be read. */
  get(key: string): AppLookup | null {
    const app = this.#apps.get(key);
    if (app !== undefined) return { kind: 'app', app };
    const until = this.#unknown.get(key);
    if (until === undefined) return null;
    if (until > this.#deps.now()) return { kind: 'unknown' };
    this.#unknown.delete(key);
    return null;
  }

  /** Reads an app, once for all that ask meanwhile. Rejects when Redis does not answer. */
  read(key: string): Promise<AppLookup> {
    const known = this.get(key);
    if (known !== null) return Promise.resolve(known);
    let reading = this.#reading.get(key);
    if (reading === undefined) {
      reading = this.#limit(() => this.#read(key)).finally(() => this.#reading.delete(key));
      this.#reading.set(key, reading);
    }
    return reading;
  }

  /** Once a second: reads those again that are due. Never rejects: an app that cannot be read stays as it is. */
  async tend(): Promise<void> {
    const due = this.#deps.now() - REFRESH_MS;
    const some = [...this.#apps].filter(([, { readAt }]) => readAt <= due);
    await Promise.all(
      some.map(([key]) => this.#limit(() => this.#read(key)).catch((error: unknown) => this.#deps.onError(error))),
    );
  }

  async #read(key: string): Promise<AppLookup> {
    const found = await this.#deps.readApp(key);
    const now = this.#deps.now();
    const app = this.#apps.get(key);
    if (app !== undefined) app.readAt = now;
    // A Redis that came back empty has none: that says nothing of this one.
    if (found === 'none') return app === undefined ? { kind: 'none' } : { kind: 'app', app };
    if (found === 'unknown') return app === undefined ? this.#noteUnknown(key, now) : this.#noteMissing(app, now);
    this.#unknown.delete(key);
    if (app === undefined) {
      const taken = { known: found, missingSince: null, readAt: now, connections: 0 };
      this.#apps.set(key, taken);
      return { kind: 'app', app: taken };
    }
    app.known = found;
    app.missingSince = null;
    return { kind: 'app', app };
  }

  #noteUnknown(key: string, now: number): AppLookup {
    // The oldest goes.
    for (const first of this.#unknown.keys()) {
      if (this.#unknown.size < MAX_UNKNOWN) break;
      this.#unknown.delete(first);
    }
    this.#unknown.set(key, now + UNKNOWN_MS);
    return { kind: 'unknown' };
  }

  #noteMissing(app: AppInUse, now: number): AppLookup {
    app.missingSince ??= now;
    if (now - app.missingSince < REMOVED_MS) return { kind: 'app', app };
    this.#apps.delete(app.known.key);
    this.#deps.onRemoved(app);
    return this.#noteUnknown(app.known.key, now);
  }
}
