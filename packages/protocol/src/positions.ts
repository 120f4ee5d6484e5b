import { z } from 'zod';

/**
 * A position is a message id within one topic's log: `<milliseconds>-<sequence>`, the form of a Redis stream id.
 * Both parts stay below 2^53 here so that they compare exactly as numbers (`position-order.ts`).
 */
export const position = z
  .string()
  .regex(/^\d{1,15}-\d{1,15}$/, 'must be a position like "1732345678901-0"')
  .describe('A message id within a topic: milliseconds and sequence, compared as two numbers');
