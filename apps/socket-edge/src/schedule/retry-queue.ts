/** Sent at a time: a mass close must not fill the connection to Redis. */
const MAX_BATCH = 500;

export interface RetryQueueOptions {
  /** That wait at most; beyond that the oldest are given up. */
  maxWaiting?: number;
  /** How often each is tried at most. */
  maxTries?: number;
}

/** Writes to Redis that nothing waits for: what Redis does not take now is tried again at the next `flush`. */
export class RetryQueue<T> {
  readonly #send: (item: T) => Promise<void>;
  readonly #maxWaiting: number;
  readonly #maxTries: number;
  /** With how often each was tried. */
  readonly #waiting = new Map<T, number>();
  #running: Promise<void> | null = null;

  constructor(
    send: (item: T) => Promise<void>,
    { maxWaiting = Number.POSITIVE_INFINITY, maxTries = Number.POSITIVE_INFINITY }: RetryQueueOptions = {},
  ) {
    this.#send = send;
    this.#maxWaiting = maxWaiting;
    this.#maxTries = maxTries;
  }

  /** How many wait for Redis. */
  get size(): number {
    return this.#waiting.size;
  }

  add(item: T): void {
    const [oldest] = this.#waiting.size >= this.#maxWaiting ? this.#waiting.keys() : [];
    if (oldest !== undefined) this.#waiting.delete(oldest);
    this.#waiting.set(item, 0);
    void this.flush();
  }

  /** Sends all that waits; what fails stays for the next time. Never rejects. */
  flush(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    // One turn of the event loop: connections that end together are written together.
    await new Promise(setImmediate);
    while (this.#waiting.size > 0) {
      const batch = [...this.#waiting].slice(0, MAX_BATCH);
      const done = await Promise.all(batch.map(([item, tries]) => this.#try(item, tries + 1)));
      if (done.includes(false)) return;
    }
  }

  async #try(item: T, tries: number): Promise<boolean> {
    try {
      await this.#send(item);
    } catch {
      // Others have their turn before it.
      if (this.#waiting.delete(item) && tries < this.#maxTries) this.#waiting.set(item, tries);
      return false;
    }
    this.#waiting.delete(item);
    return true;
  }
}
