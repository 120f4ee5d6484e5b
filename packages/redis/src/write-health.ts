import { reasonOf } from '@holdfast/service/error-fields';
import { refusalOf } from './incidents.ts';

/** A write a second succeeds where all is well; without one for so long the next may fail. */
const STALE_MS = 5_000;

/** Called when writes succeed again: what was wrong, and for how long. */
export type OnRecovery = (fields: { reason: string; downtimeMs: number }) => void;

/**
 * Whether Redis takes our writes now, judged by one that is tried again and again: a Redis that answers may still refuse
 * every write (a read-only replica, a full memory or disk, too few replicas, a user without the right).
 */
export class WriteHealth {
  readonly #onRecovery: OnRecovery | undefined;
  #reason: string | null = 'Redis has taken no write yet';
  /** Whether the reason is a reply of Redis: the error of a connection that is opened anew explains less. */
  #refused = false;
  #workedAt = -Infinity;
  #failedAt: number | null = null;

  constructor(onRecovery?: OnRecovery) {
    this.#onRecovery = onRecovery;
  }

  /** Why this process should get no work; null when its last write succeeded, and just now. */
  get fault(): string | null {
    if (this.#reason !== null) return this.#reason;
    const silentMs = performance.now() - this.#workedAt;
    return silentMs < STALE_MS ? null : `Redis has taken no write for ${Math.round(silentMs / 1000)} s`;
  }

  /** Whether Redis itself refused. */
  get refused(): boolean {
    return this.#refused;
  }

  worked(): void {
    this.#workedAt = performance.now();
    if (this.#failedAt !== null && this.#reason !== null) {
      this.#onRecovery?.({ reason: this.#reason, downtimeMs: Math.round(this.#workedAt - this.#failedAt) });
    }
    this.#reason = null;
    this.#refused = false;
    this.#failedAt = null;
  }

  failed(error: unknown): void {
    this.#failedAt ??= performance.now();
    const refusal = replyIn(error);
    if (refusal !== null) {
      this.#refused = true;
      this.#reason = `Redis refuses writes: ${refusalOf(refusal.message)}`;
    } else if (!this.#refused) {
      this.#reason = `Redis does not answer: ${reasonOf(error instanceof Error ? (error.cause ?? error) : error)}`;
    }
  }
}

/** The error that Redis answered with, at the end of a chain of causes; null when it did not answer. */
function replyIn(error: unknown): Error | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (cause.name === 'ReplyError') return cause;
  return null;
}
