import { HoldfastError } from './holdfast-error.ts';
import { type RestOptions, createCall } from './http-call.ts';

/** One failed attempt is an edge that restarts, or a network that comes back. */
const FIRST_AFTER = 2;
/** With the longest delays this is a call a minute: an outage of all edges must not become one of control-api. */
const THEN_EVERY = 8;

/**
 * Finds out that a client is no longer registered. A browser does not show why a handshake was refused, so control-api
 * is asked while attempts keep failing; only its own "no such client" counts.
 */
export class RegistrationCheck {
  readonly #isGone: (signal: AbortSignal) => Promise<boolean>;
  readonly #onGone: () => void;
  #failures = 0;
  #pending: AbortController | undefined;

  /** Raises TypeError when the URL is none. `onGone` is called at most once for each row of failures. */
  constructor(clientId: string, options: RestOptions, onGone: () => void) {
    const call = createCall(options);
    this.#isGone = (signal) =>
      call({ method: 'GET', path: `/v1/clients/${encodeURIComponent(clientId)}`, signal }).then(
        () => false,
        (error: unknown) => error instanceof HoldfastError && error.code === 'client-not-found',
      );
    this.#onGone = onGone;
  }

  /** An attempt to connect ended without a welcome. */
  failed(): void {
    this.#failures++;
    const n = this.#failures;
    if (n === FIRST_AFTER || n === 2 * FIRST_AFTER || n % THEN_EVERY === 0) void this.#check();
  }

  /** The client is connected or closed: aborts a pending check. */
  stop(): void {
    this.#failures = 0;
    this.#pending?.abort();
    this.#pending = undefined;
  }

  async #check(): Promise<void> {
    // One that was not answered by now will not be.
    this.#pending?.abort();
    const { signal } = (this.#pending = new AbortController());
    if ((await this.#isGone(signal)) && !signal.aborted) this.#onGone();
  }
}
