import { clientId, clientIdOrRef } from '@holdfast/protocol/client-id';
import { DEFAULT_PAGE, MAX_PAGE } from '@holdfast/protocol/limits';
import { topicName } from '@holdfast/protocol/topic-name';
import { z } from 'zod';

/** The parts of calls that several share. */

export const clientPath = z.object({ clientId });

export const namedClientPath = z.object({ clientId: clientIdOrRef });

export const topicPath = z.object({ topic: topicName });

/** Where a page of clients begins. Not a client id: those are credentials. */
export const clientsCursor = z.string().regex(/^[0-9a-f]{32}$/, 'must be the cursor of the page before');

/** How many items a page holds at most. */
export const pageLimit = z
  .string()
  .regex(/^\d{1,4}$/, `must be a whole number from 1 to ${MAX_PAGE}`)
  .transform(Number)
  .pipe(z.int().min(1, `must be at least 1`).max(MAX_PAGE, `must be at most ${MAX_PAGE}`))
  .prefault(String(DEFAULT_PAGE))
  .describe(`How many at most: 1 to ${MAX_PAGE}`);
