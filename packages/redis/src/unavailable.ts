/** Redis did not answer, or not in time. Whether a write took place is unknown. */
export class RedisUnavailable extends Error {
  readonly code = 'redis-unavailable';

  constructor(cause: unknown) {
    super(`Redis does not answer: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'RedisUnavailable';
  }
}

/** Whether a script was refused, and changed nothing, as some of its keys are on the node to which their slot moves, and some not. */
export function isRefusedByMove(error: unknown): boolean {
  return (
    error instanceof RedisUnavailable && error.cause instanceof Error && error.cause.message.startsWith('TRYAGAIN')
  );
}
