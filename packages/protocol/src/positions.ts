import { z } from 'zod';
import { POSITION_FORM } from './position-order.ts';

/** A position is a message id within one topic's log: `<milliseconds>-<sequence>`, the form of a Redis stream id. */
export const position = z
  .string()
  .regex(POSITION_FORM, 'must be a position like "1732345678901-0"')
  .describe('A message id within a topic: milliseconds and sequence, compared as two numbers');
