/** Redis did not answer, or not in time. Whether a write took place is unknown. */
export class RedisUnavailable extends Error {
  readonly code = 'redis-unavailable';

  constructor(cause: unknown) {
    super(`Redis does not answer: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'RedisUnavailable';
  }
}
