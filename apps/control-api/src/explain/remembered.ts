import { CLOCK_MARGIN_MS } from './clocks.ts';
import type { Facts } from './facts.ts';

/** Ended subscriptions and connections are remembered for so long. */
const REMEMBERED_MS = 24 * 3_600_000;

type Times = Pick<Facts, 'now' | 'registeredAt'>;

/** From when on every subscription that ended is remembered, in milliseconds since the epoch. */
export function subscriptionsSince({ ended, endedIsCut, unnotedUntil, ...times }: Facts): number {
  const remembered = since(
    ended.map(({ at }) => at),
    endedIsCut,
    times,
  );
  return unnotedUntil > 0 ? Math.max(remembered, unnotedUntil + CLOCK_MARGIN_MS) : remembered;
}

/** From when on every connection that ended is remembered, in milliseconds since the epoch. */
export function connectionsSince({ past, pastIsCut, ...times }: Facts): number {
  return since(
    past.map(({ to }) => to),
    pastIsCut,
    times,
  );
}

/**
 * The list is kept for a day after its last note, and has sixteen of them at most.
 * @param ends when those ended that are in it
 */
function since(ends: readonly number[], isCut: boolean, { now, registeredAt }: Times): number {
  const oldest = Math.min(now, ...ends);
  if (isCut) return oldest + CLOCK_MARGIN_MS;
  // All that it ever had.
  if (registeredAt > now - REMEMBERED_MS) return Number.NEGATIVE_INFINITY;
  return Math.min(oldest, now - REMEMBERED_MS);
}
