/** The first delay is drawn below this: soon, yet spread, because one edge's death sends all its clients at once. */
const BASE_MS = 250;
/** No client waits longer than this for an installation that is back. */
const CAP_MS = 15_000;

/** Full jitter: anything from 0 to a bound that doubles with every failure in a row. In milliseconds. */
export function backoffMs(failures: number): number {
  return Math.random() * Math.min(CAP_MS, BASE_MS * 2 ** failures);
}
