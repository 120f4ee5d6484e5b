const NANOSECONDS_PER_MS = 1e6;

// `hrtime` is the clock of the machine since its boot, which all processes share and nobody sets; `performance.now`
// costs less.
const offsetMs = Number(process.hrtime.bigint()) / NANOSECONDS_PER_MS - performance.now();

/** Milliseconds of the machine's monotonic clock, which all its processes share. */
export function monotonicMs(): number {
  return performance.now() + offsetMs;
}
