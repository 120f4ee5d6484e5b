import type { Wish } from './log.ts';

/**
 * What was published within this time before a wish was ended need not arrive any more, and what was published within
 * it after that may: an edge has a second to follow.
 */
export const ENDING_MS = 1000;

interface Published {
  askedAt: number;
  answeredAt: number;
}

/** Whether a message may have been for a client that wished so. */
export function isAllowed(wishes: readonly Wish[], topic: string, { askedAt, answeredAt }: Published): boolean {
  return wishes.some(
    (wish) =>
      wish.topic === topic &&
      answeredAt >= wish.askedAt &&
      (wish.endedAt === null || askedAt <= wish.endedAt + ENDING_MS),
  );
}
