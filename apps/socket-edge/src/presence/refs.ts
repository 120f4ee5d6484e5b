import type { EdgePresence } from '@holdfast/broker/broker';

/** Clients asked for in one call. */
const MAX_BATCH = 500;
const RETRY_MS = 1000;

interface Request {
  clientId: string;
  onFound: (ref: string) => void;
}

export interface RefsDeps {
  broker: Pick<EdgePresence, 'refsOf'>;
  onError: (error: unknown) => void;
  /** Clients have other refs than before: Redis lost its data, and the secret that they are made with is another one. */
  onChange: () => void;
}

/** Looks up the public names of clients, those of one turn of the event loop together. What fails is asked again. */
export class Refs {
  readonly #deps: RefsDeps;
  readonly #waiting: Request[] = [];
  /** One that was found, and is asked for with all that follow: refs change all together. */
  #sample: { clientId: string; ref: string } | null = null;
  #isRunning = false;
  #isStopped = false;

  constructor(deps: RefsDeps) {
    this.#deps = deps;
  }

  /** Calls `onFound` with the ref of the client, later. */
  find(clientId: string, onFound: (ref: string) => void): void {
    this.#waiting.push({ clientId, onFound });
    if (!this.#isRunning) void this.#run();
  }

  /** Finds out whether those that were found are still right. Costs a call of Redis every few seconds. */
  check(): void {
    // Whatever is under way finds it out.
    if (this.#sample !== null && !this.#isRunning) this.find(this.#sample.clientId, () => undefined);
  }

  /** Answers nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#waiting.length = 0;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      await new Promise(setImmediate);
      const batch = this.#waiting.splice(0, MAX_BATCH);
      this.#sample ??= { clientId: batch[0]?.clientId ?? '', ref: '' };
      const { clientId: sample } = this.#sample;
      try {
        const [ref = '', ...refs] = await this.#deps.broker.refsOf([sample, ...batch.map(({ clientId }) => clientId)]);
        for (const [index, { onFound }] of batch.entries()) onFound(refs[index] ?? '');
        this.#compare(ref);
      } catch (error) {
        this.#deps.onError(error);
        if (this.#isStopped) break;
        this.#waiting.unshift(...batch);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
    }
    this.#isRunning = false;
  }

  #compare(ref: string): void {
    const sample = this.#sample;
    if (sample === null || sample.ref === ref) return;
    const isFirst = sample.ref === '';
    sample.ref = ref;
    if (!isFirst) this.#deps.onChange();
  }
}
