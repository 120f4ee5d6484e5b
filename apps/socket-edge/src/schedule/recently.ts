import { Wheel } from './wheel.ts';

/** What was done a moment ago, and is not to be done again yet. */
export class Recently<K> {
  readonly #ms: number;
  readonly #done: Wheel<K>;

  /** @param ms how long that is */
  constructor(ms: number) {
    this.#ms = ms;
    this.#done = new Wheel({ everyMs: ms / 2, onDue: () => undefined });
  }

  /** Notes it; false when it was noted a moment ago. */
  note(what: K): boolean {
    if (this.#done.has(what)) return false;
    this.#done.set(what, performance.now() + this.#ms);
    return true;
  }

  stop(): void {
    this.#done.stop();
  }
}
