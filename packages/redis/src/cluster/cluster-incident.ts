import type { Logger } from '@holdfast/service/logger';

/** Logs that a Cluster does not serve all slots once, and once that it does again, with how long it did not. */
export class ClusterIncident {
  readonly #logger: Logger;
  readonly #connection: string;
  #since: number | null = null;

  constructor(logger: Logger, connection: string) {
    this.#logger = logger;
    this.#connection = connection;
  }

  /** What a look at the Cluster found: a fault, or null when there is none. */
  is(fault: string | null): void {
    const fields = { connection: this.#connection };
    if (fault !== null && this.#since === null) {
      this.#since = performance.now();
      this.#logger.warn({ ...fields, reason: fault }, 'redis cluster does not serve everything');
    } else if (fault === null && this.#since !== null) {
      const downtimeMs = Math.round(performance.now() - this.#since);
      this.#since = null;
      this.#logger.info({ ...fields, downtimeMs }, 'redis cluster serves everything again');
    }
  }
}
