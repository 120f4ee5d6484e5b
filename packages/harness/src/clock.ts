const NANOSECONDS_PER_MS = 1e6;
/** A process that is not run for a moment between two readings would be off by that moment. */
const READINGS = 20;

// `hrtime` is the clock of the machine since its boot, which all processes share and nothing sets; `performance.now`
// costs less.
const offsetMs = measureOffset();

/** Milliseconds of the machine's monotonic clock, which all its processes share. */
export function monotonicMs(): number {
  return performance.now() + offsetMs;
}

/** The offset between the two clocks, by the reading that took the shortest time. */
function measureOffset(): number {
  let [shortest, offset] = [Infinity, 0];
  for (let reading = 0; reading < READINGS; reading += 1) {
    const before = performance.now();
    const machineMs = Number(process.hrtime.bigint()) / NANOSECONDS_PER_MS;
    const took = performance.now() - before;
    if (took < shortest) [shortest, offset] = [took, machineMs - before - took / 2];
  }
  return offset;
}
