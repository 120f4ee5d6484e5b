import type { PresenceSnapshot } from '@holdfast/broker/presence-state';
import type { LiveUpdate } from './replica.ts';
import type { WatchersDeps } from './watchers.ts';

export interface SnapshotReadingDeps extends Pick<WatchersDeps, 'readSnapshot' | 'onReadFailed'> {
  /** Null when the topic has no presence. */
  onRead: (snapshot: PresenceSnapshot | null) => void;
  /** Called with each update that was held, in order, after `onRead`. */
  onLive: (update: LiveUpdate) => void;
}

/** Reads who is present, one read at a time, and holds what is published meanwhile. */
export class SnapshotReading {
  readonly #deps: SnapshotReadingDeps;
  /** Null when nothing is being read. */
  #held: LiveUpdate[] | null = null;
  #isStale = false;
  #reading: Promise<void> = Promise.resolve();

  constructor(deps: SnapshotReadingDeps) {
    this.#deps = deps;
  }

  get isUnderWay(): boolean {
    return this.#held !== null;
  }

  /** Whether it was held, as a snapshot is being read. */
  hold(update: LiveUpdate): boolean {
    this.#held?.push(update);
    return this.#held !== null;
  }

  /** Reads; once more afterwards when it is reading already. */
  refresh(): void {
    this.#isStale = this.#held !== null;
    if (this.#isStale) return;
    this.#held = [];
    this.#reading = this.#read(this.#held);
  }

  /** Resolves when the read that is under way has ended, or failed. */
  whenRead(): Promise<void> {
    return this.#reading;
  }

  async #read(held: readonly LiveUpdate[]): Promise<void> {
    let snapshot: PresenceSnapshot | null;
    try {
      snapshot = await this.#deps.readSnapshot();
    } catch (error) {
      if (this.#held === held) this.#held = null;
      this.#deps.onReadFailed(error);
      return;
    }
    // It was forgotten meanwhile.
    if (this.#held !== held) return;
    this.#held = null;
    this.#deps.onRead(snapshot);
    for (const update of held) this.#deps.onLive(update);
    if (this.#isStale) this.refresh();
  }

  /** What is being read is not needed any more. */
  forget(): void {
    this.#held = null;
    this.#isStale = false;
  }
}
