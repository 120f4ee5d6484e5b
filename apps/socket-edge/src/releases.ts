import type { EdgeBroker } from '@holdfast/broker/broker';

/** Releases sent at a time: a mass close must not fill the connection to Redis. */
const AT_ONCE = 500;

/** Clients to give up in Redis because their connections ended here. What Redis does not take now is tried again. */
export class Releases {
  readonly #broker: EdgeBroker;
  readonly #edge: string;
  readonly #onReleased: (clientId: string) => void;
  /** Connection to client, and what to do when it is given up. */
  readonly #waiting = new Map<string, { clientId: string; released: (() => void) | undefined }>();
  #running: Promise<void> | null = null;

  /** `onReleased` is told of each client for which Redis took the release. */
  constructor(broker: EdgeBroker, edge: string, onReleased: (clientId: string) => void) {
    this.#broker = broker;
    this.#edge = edge;
    this.#onReleased = onReleased;
  }

  /** How many wait for Redis. */
  get size(): number {
    return this.#waiting.size;
  }

  /** `released` is called when Redis has taken it. */
  add(clientId: string, connection: string, released?: () => void): void {
    this.#waiting.set(connection, { clientId, released });
    void this.flush();
  }

  /** Sends all that waits; what fails stays for the next time. */
  flush(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    // One turn of the event loop: connections that end together are released together.
    await new Promise(setImmediate);
    while (this.#waiting.size > 0) {
      const some = [...this.#waiting].slice(0, AT_ONCE);
      const done = await Promise.all(
        some.map(([connection, { clientId, released }]) => this.#release(clientId, connection, released)),
      );
      if (done.includes(false)) return;
    }
  }

  async #release(clientId: string, connection: string, released?: () => void): Promise<boolean> {
    try {
      await this.#broker.release(clientId, this.#edge, connection);
    } catch {
      // Redis is away; the lease speaks for this edge until it is back.
      return false;
    }
    this.#waiting.delete(connection);
    this.#onReleased(clientId);
    released?.();
    return true;
  }
}
