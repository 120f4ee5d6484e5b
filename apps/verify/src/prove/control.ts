import { HoldfastError } from '@holdfast/client/holdfast-error';
import { type Rest, createRest } from '@holdfast/client/rest';
import { setTimeout as delay } from 'node:timers/promises';

/** An answer that takes longer counts as none. A control-api gives up on Redis long before. */
const ANSWER_MS = 5000;
/** How long something is tried through faults. */
const PATIENCE_MS = 60_000;
const PAUSE_MS = 100;

/** The control-apis of an installation. */
export class Control {
  readonly #apis: readonly Rest[];
  #next = 0;

  constructor(urls: readonly string[], key: string) {
    this.#apis = urls.map((controlUrl) => createRest({ controlUrl, key }));
  }

  /** One call, to the control-api whose turn it is. Rejects with a HoldfastError, or a time-out. */
  once<T>(call: (rest: Rest, signal: AbortSignal) => Promise<T>): Promise<T> {
    const rest = this.#apis[this.#next++ % this.#apis.length];
    if (rest === undefined) throw new Error('an installation has a control-api');
    return call(rest, AbortSignal.timeout(ANSWER_MS));
  }

  /** Tries until there is an answer that is not about a fault. Rejects with any other refusal, and after a minute. */
  async retrying<T>(call: (rest: Rest, signal: AbortSignal) => Promise<T>): Promise<T> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await this.once(call);
      } catch (error) {
        if (!isPassing(error) || performance.now() > deadline) throw error;
      }
      await delay(PAUSE_MS);
    }
  }
}

const REQUEST_TIMEOUT = 408;
const TOO_MANY_REQUESTS = 429;

/** Whether the same call may succeed later: there was no answer, it came too late, or there was too much to do. */
function isPassing(error: unknown): boolean {
  if (error instanceof HoldfastError) {
    const { status } = error;
    return status === undefined || status === REQUEST_TIMEOUT || status === TOO_MANY_REQUESTS || status >= 500;
  }
  return error instanceof DOMException && error.name === 'TimeoutError';
}
