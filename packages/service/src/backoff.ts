/** The bounds of a backoff, in milliseconds. */
export interface Backoff {
  /** Upper bound of the first delay; it doubles with each attempt. */
  readonly baseMs: number;
  /** No delay is longer than this. */
  readonly capMs: number;
}

/** 2^30 doublings of one millisecond are twelve days: past this the exponent only risks overflow. */
const MAX_DOUBLINGS = 30;

/**
 * The delay before one attempt, in milliseconds: anywhere between 0 and the doubled base ("full jitter"), so that
 * many processes that lost the same server do not come back in step.
 * @param attempt the first retry is 1
 */
export function jitteredDelay({ baseMs, capMs }: Backoff, attempt: number): number {
  const doublings = Math.min(Math.max(attempt - 1, 0), MAX_DOUBLINGS);
  return Math.round(Math.random() * Math.min(capMs, baseMs * 2 ** doublings));
}

export interface RepeatOptions {
  /** From the end of one run to the start of the next, in milliseconds. */
  readonly intervalMs: number;
  /** The share of the interval that is random, either way: 0.1 is ±10 %. Default 0. */
  readonly jitter?: number;
  /** Ends the loop as its stop does. */
  readonly signal?: AbortSignal;
  /** Gets what a run threw; the loop goes on. */
  readonly onError: (error: unknown) => void;
}

/**
 * Runs `fn` again and again, first after one interval, and never while the run before it is still going.
 * @returns the stop: no run starts after it, one that is under way ends by itself
 */
export function repeat(fn: () => void | Promise<void>, options: RepeatOptions): () => void {
  const { intervalMs, jitter = 0, signal, onError } = options;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  function stop(): void {
    stopped = true;
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }

  function schedule(): void {
    if (stopped) return;
    const factor = 1 + jitter * (Math.random() * 2 - 1);
    timer = setTimeout(run, intervalMs * factor);
  }

  function run(): void {
    // The promise starts the run, so that a synchronous throw arrives where a rejection does.
    Promise.resolve().then(fn).catch(onError).finally(schedule);
  }

  if (signal?.aborted) return stop;
  signal?.addEventListener('abort', stop, { once: true });
  schedule();
  return stop;
}
