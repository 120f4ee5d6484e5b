import { clientId } from '@holdfast/protocol/client-id';
import { DEFAULT_PAGE, MAX_PAGE } from '@holdfast/protocol/limits';
import { topicName } from '@holdfast/protocol/topic-name';
import { z } from 'zod';

/** The parts of calls that several share. */

export const clientPath = z.object({ clientId });

export const topicPath = z.object({ topic: topicName });

/** How many items a page holds at most. */
export const pageLimit = z
  .string()
  .regex(/^\d{1,4}$/, `must be a whole number from 1 to ${MAX_PAGE}`)
  .transform(Number)
  .pipe(z.int().min(1, `must be at least 1`).max(MAX_PAGE, `must be at most ${MAX_PAGE}`))
  .prefault(String(DEFAULT_PAGE))
  .describe(`How many at most: 1 to ${MAX_PAGE}`);
