import { z } from 'zod';

/**
 * A position is a message id within one topic's log: `<milliseconds>-<sequence>`, the form of a Redis stream id.
 * Both parts stay below 2^53 here so that they compare exactly as numbers.
 */
export const position = z
  .string()
  .regex(/^\d{1,15}-\d{1,15}$/, 'must be a position like "1732345678901-0"')
  .describe('A message id within a topic: milliseconds and sequence, compared as two numbers');

export type Position = string;

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
