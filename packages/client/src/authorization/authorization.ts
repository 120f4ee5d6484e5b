import { backoffMs } from '../backoff.ts';
import type { GetToken } from '../connect-options.ts';
import { HoldfastError } from '../holdfast-error.ts';
import { createCall } from '../http-call.ts';
import type { Registration } from '../rest.ts';
import { Stopwatch, tokenLifeMs } from './token-life.ts';

/** A token that ends within this is not used for a connection: its handshake may take as long. */
const USABLE_MS = 30_000;
/** A renewal begins so long before the end, or at a tenth of the life when that is longer. */
const LEAD_MS = 30_000;
const LEAD_SHARE = 0.1;
/** Renewals of clients that came together spread over this share of the lead. */
const JITTER_SHARE = 0.5;
/** Between two renewals: tokens that live shorter are held up by the leeway of control-api and edges. */
const MIN_RENEWAL_MS = 5000;
/** Between two attempts to renew. */
const MIN_RETRY_MS = 1000;
/** Time is compared so often: a timer alone stands still while the machine sleeps. */
const LOOK_EVERY_MS = 30_000;
/** For one attempt, from `getToken` to the answer of control-api. */
const ATTEMPT_MS = 30_000;
/** Refusals of a token that may have come too early: one more is asked for, so many milliseconds later. */
const secondChanceMs: ReadonlyMap<string | undefined, number> = new Map([
  // `iat` has whole seconds: a token of the very second of the revocation counts as issued before it.
  ['token-revoked', 1000],
  // Control-api fetches the keys of an issuer at most so often: it may not know the newest.
  ['token-invalid', 30_000],
]);

export interface Registered {
  clientId: string;
  name: string | null;
  topics: readonly string[];
  /** RFC 3339. */
  expiresAt: string | undefined;
  /** Whether the client was not registered before. */
  isNew: boolean;
}

export interface AuthorizationOptions {
  controlUrl: string;
  fetch: typeof globalThis.fetch | undefined;
  getToken: GetToken;
  onRegistered: (registered: Registered, connect: Registration['connect']) => void;
  /** No further attempt makes sense. */
  onRefused: (detail: string) => void;
}

/**
 * Registers a client with tokens, and keeps its authorization from ending while it is connected. Raises TypeError when
 * the control URL is none.
 */
export class Authorization {
  readonly #options: AuthorizationOptions;
  readonly #abort = new AbortController();
  #token = '';
  #lifeMs = 0;
  #since = new Stopwatch();
  #leadMs = 0;
  /** No renewal is due before `#waitMs` after the last one, or the last attempt. */
  #last = new Stopwatch();
  #waitMs = 0;
  #failures = 0;
  /** The first refusal since the last registration that is worth a second token. */
  #refusal: { error: unknown; since: Stopwatch; waitMs: number } | undefined;
  #isConnected = false;
  #isRenewing = false;
  #pending: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: AuthorizationOptions) {
    createCall(options);
    this.#options = options;
  }

  get token(): string {
    return this.#token;
  }

  /** Whether the token lasts for a handshake. */
  get isUsable(): boolean {
    return this.#leftMs > USABLE_MS;
  }

  /** Whether a call with the token would be refused: up to its end, one is worth trying. */
  get isOver(): boolean {
    return this.#leftMs <= 0;
  }

  /** For how long another token would fare no better than the one that was refused. */
  get pauseMs(): number {
    return this.#refusal === undefined ? 0 : Math.max(0, this.#refusal.waitMs - this.#refusal.since.elapsedMs);
  }

  /** The token, or the registration, counts for nothing any more. */
  invalidate(): void {
    this.#lifeMs = 0;
  }

  /**
   * Gets a token and registers with it. Calls while this is under way join it. Rejects when it did not work, and at once
   * during `pauseMs`; after `onRefused` there is no use in trying again.
   */
  renew(): Promise<void> {
    if (this.#refusal !== undefined && this.pauseMs > 0) return Promise.reject(this.#refusal.error);
    this.#pending ??= this.#register().finally(() => (this.#pending = undefined));
    return this.#pending;
  }

  /** A connection is open, and its edge said how long the authorization lasts. */
  connected(expiresInMs: number | undefined): void {
    this.#isConnected = true;
    if (expiresInMs !== undefined) this.#lasts(expiresInMs);
    this.look();
  }

  /** From here on nothing is renewed by itself: `isUsable` is looked at before the next connection. */
  disconnected(): void {
    this.#isConnected = false;
    clearTimeout(this.#timer);
  }

  /** The edge warned. */
  expiring(inMs: number): void {
    this.#lasts(inMs);
    this.#leadMs = Infinity;
    this.look();
  }

  /** Renews when that is due; called also when timers may have stood still. */
  look(): void {
    clearTimeout(this.#timer);
    if (!this.#isConnected || this.#isRenewing) return;
    const dueInMs = Math.max(this.#leftMs - this.#leadMs, this.#waitMs - this.#last.elapsedMs);
    if (dueInMs > 0) this.#timer = setTimeout(() => this.look(), Math.min(dueInMs, LOOK_EVERY_MS));
    else void this.#renewHere();
  }

  stop(): void {
    this.disconnected();
    this.#abort.abort(new HoldfastError('closed', 'the client is closed'));
  }

  get #leftMs(): number {
    return this.#lifeMs - this.#since.elapsedMs;
  }

  async #renewHere(): Promise<void> {
    this.#isRenewing = true;
    try {
      await this.renew();
    } catch {
      this.#pause(Math.max(MIN_RETRY_MS, backoffMs(this.#failures++), this.pauseMs));
    }
    this.#isRenewing = false;
    this.look();
  }

  /** A token that is over when it arrives was kept somewhere: one more is asked for. */
  async #register(): Promise<void> {
    try {
      await this.#attempt();
    } catch (error) {
      if (codeOf(error) !== 'token-expired' || this.#abort.signal.aborted) throw this.#judged(error);
      await this.#attempt().catch((again: unknown) => Promise.reject(this.#judged(again)));
    }
  }

  async #attempt(): Promise<void> {
    const { controlUrl, fetch, getToken, onRegistered } = this.#options;
    const attempt = new AbortController();
    const { signal } = attempt;
    const stop = (): void => attempt.abort(this.#abort.signal.reason);
    const late = (): void => attempt.abort(new Error(`no token and registration within ${ATTEMPT_MS / 1000} s`));
    const timer = setTimeout(late, ATTEMPT_MS);
    this.#abort.signal.addEventListener('abort', stop);
    try {
      const token = await abortable(async () => getToken({ signal }), signal);
      if (token === null) throw new HoldfastError('not-authorized', 'getToken gave null');
      if (typeof token !== 'string') throw new TypeError('getToken gave neither a token nor null');
      let isNew = false;
      let date: string | null = null;
      const { clientId, name, topics, expiresAt, connect } = await createCall({
        controlUrl,
        token,
        fetch,
      })<Registration>({
        method: 'POST',
        path: '/v1/clients',
        signal,
        onAnswer: ({ status, headers }) => {
          isNew = status === 201;
          date = headers.get('date');
        },
      });
      this.#token = token;
      this.#failures = 0;
      this.#refusal = undefined;
      this.#pause(MIN_RENEWAL_MS);
      this.#lasts(tokenLifeMs(token, expiresAt, date));
      this.look();
      onRegistered({ clientId, name, topics, expiresAt, isNew }, connect);
    } finally {
      clearTimeout(timer);
      this.#abort.signal.removeEventListener('abort', stop);
    }
  }

  #pause(waitMs: number): void {
    this.#last = new Stopwatch();
    this.#waitMs = waitMs;
  }

  #lasts(lifeMs: number): void {
    this.#lifeMs = lifeMs;
    this.#since = new Stopwatch();
    const leadMs = Math.min(Math.max(LEAD_MS, lifeMs * LEAD_SHARE), lifeMs / 2);
    this.#leadMs = leadMs === Infinity ? 0 : leadMs * (1 + Math.random() * JITTER_SHARE);
  }

  #judged(error: unknown): unknown {
    if (this.#abort.signal.aborted) return error;
    const waitMs = secondChanceMs.get(codeOf(error));
    if (this.#refusal === undefined && waitMs !== undefined) this.#refusal = { error, since: new Stopwatch(), waitMs };
    else if (isFinal(error)) this.#options.onRefused(error.message);
    return error;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof HoldfastError ? error.code : undefined;
}

/** Whether another token would fare no better. A topic that is missing, and a quota, may change in a moment. */
function isFinal(error: unknown): error is HoldfastError {
  if (!(error instanceof HoldfastError)) return false;
  if (error.code === 'not-authorized') return true;
  const { problem, code } = error;
  if (problem === undefined || code.endsWith('quota-reached')) return false;
  const { status } = problem;
  return status < 500 && status !== 404 && status !== 408 && status !== 429;
}

/** What `run` gives, or the signal's reason at once: a caller's function may not look at its signal. */
function abortable<Value>(run: () => Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    if (signal.aborted) reject(signal.reason as Error);
    else run().then(resolve, reject);
  });
}
