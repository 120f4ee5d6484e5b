/** Redis did not answer, or not in time. Whether a write took place is unknown. */
export class BrokerUnavailable extends Error {
  readonly code = 'redis-unavailable';
  /** Of several topics those that it is about, where others were answered for; empty where nothing was. */
  readonly topics: readonly string[];

  constructor(cause: unknown, topics: readonly string[] = []) {
    super(`Redis does not answer: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'BrokerUnavailable';
    this.topics = topics;
  }
}
