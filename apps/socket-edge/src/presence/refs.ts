import type { EdgePresence } from '@holdfast/broker/broker';

/** Clients asked for in one call. */
const MAX_BATCH = 500;
const RETRY_MS = 1000;

interface Request {
  clientId: string;
  onFound: (ref: string) => void;
}

/** Looks up the public names of clients, those of one turn of the event loop together. What fails is asked again. */
export class Refs {
  readonly #broker: Pick<EdgePresence, 'refsOf'>;
  readonly #onError: (error: unknown) => void;
  readonly #waiting: Request[] = [];
  #isRunning = false;
  #isStopped = false;

  constructor(broker: Pick<EdgePresence, 'refsOf'>, onError: (error: unknown) => void) {
    this.#broker = broker;
    this.#onError = onError;
  }

  /** Calls `onFound` with the ref of the client, later. */
  find(clientId: string, onFound: (ref: string) => void): void {
    this.#waiting.push({ clientId, onFound });
    if (!this.#isRunning) void this.#run();
  }

  /** Answers nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#waiting.length = 0;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    await new Promise(setImmediate);
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      try {
        const refs = await this.#broker.refsOf(batch.map(({ clientId }) => clientId));
        for (const [index, { onFound }] of batch.entries()) onFound(refs[index] ?? '');
      } catch (error) {
        this.#onError(error);
        if (this.#isStopped) break;
        this.#waiting.unshift(...batch);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
    }
    this.#isRunning = false;
  }
}
