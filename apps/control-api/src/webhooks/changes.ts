import type { WebhookBroker } from '@holdfast/broker/webhook-broker';
import type { WrittenState } from '@holdfast/broker/webhook-state';

type Request = 'enable' | 'replay';

/** What whoever delivers has to write down, and writes in one go with all that came together meanwhile. */
export class Changes {
  readonly #write: (changes: Parameters<WebhookBroker['writeWebhook']>[2]) => Promise<boolean>;
  readonly #takeMoved: () => Map<string, string>;
  #state: WrittenState = {};
  #cursors = new Map<string, string>();
  #deliveries = new Map<string, string | null>();
  #done = new Map<Request, string>();
  #writing: Promise<boolean> | null = null;
  #next: Promise<boolean> | null = null;

  /** @param takeMoved gives the cursors that have moved since it was called last */
  constructor(
    broker: Pick<WebhookBroker, 'writeWebhook'>,
    { id, token, takeMoved }: { id: string; token: string; takeMoved: () => Map<string, string> },
  ) {
    this.#write = (changes) => broker.writeWebhook(id, token, changes);
    this.#takeMoved = takeMoved;
  }

  state(fields: WrittenState): void {
    Object.assign(this.#state, fields);
  }

  /** @param text null: the delivery is done */
  delivery(name: string, text: string | null): void {
    this.#deliveries.set(name, text);
  }

  done(request: Request, value: string): void {
    this.#done.set(request, value);
  }

  /**
   * Writes all that there is when it is called. False: Redis knows of no such lease, for another control-api holds it by
   * now, or its data is lost. Rejects with RedisUnavailable. In both cases it is all written with the next call.
   */
  flush(): Promise<boolean> {
    if (this.#writing === null) {
      this.#writing = this.#writeAll().finally(() => {
        this.#writing = null;
      });
      return this.#writing;
    }
    // One at a time, or an older value could win.
    this.#next ??= this.#writing.then(nothing, nothing).then(() => {
      this.#next = null;
      return this.flush();
    });
    return this.#next;
  }

  async #writeAll(): Promise<boolean> {
    for (const [name, cursor] of this.#takeMoved()) this.#cursors.set(name, cursor);
    const [state, cursors, deliveries, done] = [this.#state, this.#cursors, this.#deliveries, this.#done];
    if (Object.keys(state).length + cursors.size + deliveries.size + done.size === 0) return true;
    this.#state = {};
    this.#cursors = new Map();
    this.#deliveries = new Map();
    this.#done = new Map();
    let isWritten = false;
    try {
      isWritten = await this.#write({ state, cursors, deliveries, done });
    } finally {
      if (!isWritten) {
        // What came meanwhile is newer.
        this.#state = { ...state, ...this.#state };
        this.#cursors = new Map([...cursors, ...this.#cursors]);
        this.#deliveries = new Map([...deliveries, ...this.#deliveries]);
        this.#done = new Map([...done, ...this.#done]);
      }
    }
    return isWritten;
  }
}

function nothing(): void {}
