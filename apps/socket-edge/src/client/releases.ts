import type { EdgeBroker } from '@holdfast/broker/broker';
import type { DisconnectReason } from '@holdfast/protocol/events';

/** Releases sent at a time: a mass close must not fill the connection to Redis. */
const MAX_BATCH = 500;

interface Release {
  clientId: string;
  generation: number;
  /** How the connection ended. */
  reason: DisconnectReason;
  /** Called when Redis has taken it. */
  onReleased?: () => void;
}

/** Clients to release in Redis because their connections ended here. What Redis does not take now is tried again. */
export class Releases {
  readonly #broker: EdgeBroker;
  readonly #edge: string;
  readonly #waiting = new Set<Release>();
  #running: Promise<void> | null = null;

  constructor(broker: EdgeBroker, edge: string) {
    this.#broker = broker;
    this.#edge = edge;
  }

  /** How many wait for Redis. */
  get size(): number {
    return this.#waiting.size;
  }

  add(release: Release): void {
    this.#waiting.add(release);
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
      const batch = [...this.#waiting].slice(0, MAX_BATCH);
      const done = await Promise.all(batch.map((release) => this.#release(release)));
      if (done.includes(false)) return;
    }
  }

  async #release(release: Release): Promise<boolean> {
    try {
      await this.#broker.release(release.clientId, this.#edge, release.generation, release.reason);
    } catch {
      // Redis is away; the lease speaks for this edge until it is back.
      return false;
    }
    this.#waiting.delete(release);
    release.onReleased?.();
    return true;
  }
}
