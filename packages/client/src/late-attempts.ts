/** How long after it was abandoned a handshake may still be accepted by an edge under load: longer than its own deadline. */
const LATE_ATTEMPT_MS = 30_000;

/**
 * Attempts to connect that were abandoned. Any of them may be the newer connection that replaced the present one: its
 * edge may have accepted it before it saw the end. Each excuses one replacement.
 */
export class LateAttempts {
  /** Until when each may still be accepted. */
  #until: number[] = [];

  add(): void {
    this.#until = [...this.#pending(), performance.now() + LATE_ATTEMPT_MS];
  }

  /** Whether there was one. */
  take(): boolean {
    this.#until = this.#pending();
    return this.#until.shift() !== undefined;
  }

  #pending(): number[] {
    return this.#until.filter((until) => until > performance.now());
  }
}
