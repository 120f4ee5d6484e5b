/** How long a client may take for what has no time of its own. */
export const DEFAULT_PATIENCE_MS = 15_000;

/** A bound of a scenario, on a machine for which people have more patience than by default. */
export function boundWith(patienceMs: number, boundMs: number): number {
  return boundMs + Math.max(0, patienceMs - DEFAULT_PATIENCE_MS);
}
