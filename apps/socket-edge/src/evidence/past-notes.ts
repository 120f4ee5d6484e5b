import type { EdgeBroker } from '@holdfast/broker/broker';
import type { PastConnection } from '@holdfast/broker/evidence';

/** Notes sent at a time, beside the releases of the same connections. */
const MAX_BATCH = 500;
/** Notes that wait while Redis is away; beyond that the oldest are given up. */
const MAX_WAITING = 100_000;
/** How often a note is tried, once a second: one that Redis does not take for itself must not be tried for ever. */
const MAX_TRIES = 60;

interface Note {
  clientId: string;
  past: PastConnection;
  tries: number;
}

/** Connections that ended here, to be remembered in Redis. No claim or release waits for it. */
export class PastNotes {
  readonly #broker: Pick<EdgeBroker, 'notePast'>;
  readonly #waiting = new Set<Note>();
  #running: Promise<void> | null = null;

  constructor(broker: Pick<EdgeBroker, 'notePast'>) {
    this.#broker = broker;
  }

  /** How many wait for Redis. */
  get size(): number {
    return this.#waiting.size;
  }

  add(clientId: string, past: PastConnection): void {
    const [oldest] = this.#waiting.size >= MAX_WAITING ? this.#waiting : [];
    if (oldest !== undefined) this.#waiting.delete(oldest);
    this.#waiting.add({ clientId, past, tries: 0 });
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
    // As the releases do: connections that end together are noted together.
    await new Promise(setImmediate);
    while (this.#waiting.size > 0) {
      const batch = [...this.#waiting].slice(0, MAX_BATCH);
      const done = await Promise.all(batch.map((note) => this.#send(note)));
      if (done.includes(false)) return;
    }
  }

  async #send(note: Note): Promise<boolean> {
    try {
      await this.#broker.notePast(note.clientId, note.past);
    } catch {
      note.tries += 1;
      // Others have their turn before it.
      this.#waiting.delete(note);
      if (note.tries < MAX_TRIES) this.#waiting.add(note);
      return false;
    }
    this.#waiting.delete(note);
    return true;
  }
}
