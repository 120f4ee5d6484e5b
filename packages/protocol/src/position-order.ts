/** A message id within one topic. Kept apart from its schema so that a page that compares positions needs no zod. */
export type Position = string;

/**
 * The one canonical form of a position: milliseconds and sequence without leading zeros, so that two positions are equal
 * exactly when their texts are; both below 2^53, so that they compare exactly as numbers.
 */
export const POSITION_FORM = /^(?:0|[1-9]\d{0,14})-(?:0|[1-9]\d{0,14})$/;

/** Below every message. */
export const BEGINNING: Position = '0-0';

/** Order of two positions: negative when `a` comes first, 0 when they are the same, positive otherwise. */
export function comparePositions(a: Position, b: Position): number {
  if (a === b) return 0;
  const dashA = a.indexOf('-');
  const dashB = b.indexOf('-');
  const byTime = Number(a.slice(0, dashA)) - Number(b.slice(0, dashB));
  return byTime !== 0 ? byTime : Number(a.slice(dashA + 1)) - Number(b.slice(dashB + 1));
}

/** The later of two positions. */
export function laterOf(a: Position, b: Position): Position {
  return comparePositions(a, b) >= 0 ? a : b;
}
