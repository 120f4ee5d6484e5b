const NANOSECONDS_PER_MS = 1e6;

/** Milliseconds of the machine's monotonic clock, which all processes on it share. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / NANOSECONDS_PER_MS;
}
