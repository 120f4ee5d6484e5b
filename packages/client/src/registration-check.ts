import { HoldfastError } from './holdfast-error.ts';
import { type RestOptions, createCall } from './http-call.ts';

/** One failed attempt is an edge that restarts, or a network that comes back. */
const FIRST_AFTER = 2;
/** With the longest delays this is a call a minute: an outage of all edges must not become one of control-api. */
const THEN_EVERY = 8;

/** Why control-api does not take a client's id. */
export type Gone = 'client-not-found' | 'token-expired' | 'token-revoked';
const goneCodes: ReadonlySet<string> = new Set<Gone>(['client-not-found', 'token-expired', 'token-revoked']);

/**
 * Finds out that a client is no longer registered, or its authorization over. A browser does not show why a handshake was refused, so control-api
 * is asked while attempts keep failing; only its own answers count.
 */
export class RegistrationCheck {
  readonly #look: (signal: AbortSignal) => Promise<Gone | undefined>;
  readonly #onGone: (why: Gone) => void;
  #failures = 0;
  #pending: AbortController | undefined;

  /** Raises TypeError when the URL is none. `onGone` is called at most once for each row of failures. */
  constructor(clientId: () => string, options: RestOptions, onGone: (why: Gone) => void) {
    const call = createCall(options);
    this.#look = (signal) =>
      call({ method: 'GET', path: `/v1/clients/${encodeURIComponent(clientId())}`, signal }).then(
        () => undefined,
        (error: unknown) => (error instanceof HoldfastError && isGone(error.code) ? error.code : undefined),
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
    const why = await this.#look(signal);
    if (why !== undefined && !signal.aborted) this.#onGone(why);
  }
}

function isGone(code: string): code is Gone {
  return goneCodes.has(code);
}
