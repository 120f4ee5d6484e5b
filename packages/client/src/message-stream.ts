import type { Message } from '@holdfast/protocol/down';
import { HoldfastError } from './holdfast-error.ts';

interface Waiter {
  resolve: (result: IteratorResult<Message, undefined>) => void;
  reject: (error: unknown) => void;
}

/** Messages for one `for await` loop; keeps what came while the loop was busy, up to a bound. */
export class MessageStream implements AsyncIterableIterator<Message, undefined> {
  readonly #buffer: Message[] = [];
  readonly #waiters: Waiter[] = [];
  readonly #maxBuffered: number;
  readonly #onEnd: () => void;
  #ended = false;
  #failure: HoldfastError | undefined;

  constructor(maxBuffered: number, onEnd: () => void) {
    this.#maxBuffered = maxBuffered;
    this.#onEnd = onEnd;
  }

  push(message: Message): void {
    if (this.#ended) return;
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.resolve({ done: false, value: message });
    } else if (this.#buffer.length < this.#maxBuffered) {
      this.#buffer.push(message);
    } else {
      // Dropping one silently is what this whole project is against: the loop takes what it has, then fails.
      this.#failure = new HoldfastError('iterator-overflow', `the loop is ${this.#maxBuffered} messages behind`);
      this.end();
    }
  }

  /** Nothing more comes; what is buffered is still handed out. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd();
    for (const { resolve } of this.#waiters.splice(0)) resolve({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<Message, undefined>> {
    const value = this.#buffer.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      return Promise.reject(failure);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** The loop was left: nothing is kept for it any longer. */
  return(): Promise<IteratorResult<Message, undefined>> {
    this.#buffer.length = 0;
    this.#failure = undefined;
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
