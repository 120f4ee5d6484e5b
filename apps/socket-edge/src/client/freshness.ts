/**
 * How old the edge's knowledge of changes may be when it sends messages. What is published later than one second after the
 * answer to Unsubscribe or Unregister must not arrive, so an edge that has stood still first reads what has changed.
 */
const MAX_AGE_MS = 900;

export interface FreshnessDeps {
  /** Reads what has changed, soon. */
  refresh: () => void;
  /** Messages may be sent (again). */
  onFresh: () => void;
}

/** Whether the edge knows its clients' changes well enough to send them messages. */
export class Freshness {
  readonly #deps: FreshnessDeps;
  /** Everything that changed before this time has been applied; in milliseconds of the monotonic clock. */
  #asOf = Number.NEGATIVE_INFINITY;
  /** When changes were last found to have been missed: reads that began before do not count. */
  #expiredAt = Number.NEGATIVE_INFINITY;
  /** Resolved when the knowledge is fresh again; null while it is not missed. */
  #awaited: PromiseWithResolvers<void> | null = null;

  constructor(deps: FreshnessDeps) {
    this.#deps = deps;
  }

  /** False: nothing may be sent now; `onFresh` follows. */
  isFresh(): boolean {
    if (performance.now() - this.#asOf <= MAX_AGE_MS) return true;
    this.#awaited ??= Promise.withResolvers();
    this.#deps.refresh();
    return false;
  }

  /** Resolves when messages may be sent. */
  async whenFresh(): Promise<void> {
    while (!this.isFresh()) await this.#awaited?.promise;
  }

  /** What changed before `since` has been applied. */
  update(since: number): void {
    if (since < this.#expiredAt) return;
    this.#asOf = since;
    const awaited = this.#awaited;
    if (awaited === null || !this.isFresh()) return;
    this.#awaited = null;
    awaited.resolve();
    this.#deps.onFresh();
  }

  /** Changes may have been missed. */
  expire(): void {
    this.#asOf = Number.NEGATIVE_INFINITY;
    this.#expiredAt = performance.now();
  }
}
