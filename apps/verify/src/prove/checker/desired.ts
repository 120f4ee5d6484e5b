import type { DesiredTopic } from './log.ts';

/**
 * What was published within this time before a desired topic was ended need not arrive any more, and what was published within
 * it after that may: an edge has a second to follow.
 */
export const ENDING_MS = 1000;

interface Published {
  askedAt: number;
  answeredAt: number;
}

/** Whether a message may have been for a client that desired it. */
export function isAllowed(
  desiredTopics: readonly DesiredTopic[],
  topic: string,
  { askedAt, answeredAt }: Published,
): boolean {
  return desiredTopics.some(
    (desired) =>
      desired.topic === topic &&
      answeredAt >= desired.askedAt &&
      (desired.endedAt === null || askedAt <= desired.endedAt + ENDING_MS),
  );
}
