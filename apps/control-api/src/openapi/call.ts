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

/** How many items a page holds at most. Digits only: a number in the document, a text in a query. */
export const pageLimit = z
  .custom<string>(
    (text) => typeof text === 'string' && /^\d{1,4}$/.test(text),
    `must be a whole number from 1 to ${MAX_PAGE}`,
  )
  .transform(Number)
  .pipe(z.int().min(1, `must be at least 1`).max(MAX_PAGE, `must be at most ${MAX_PAGE}`))
  .prefault(String(DEFAULT_PAGE))
  .meta({
    description: `How many at most: 1 to ${MAX_PAGE}`,
    type: 'integer',
    minimum: 1,
    maximum: MAX_PAGE,
    default: DEFAULT_PAGE,
  });
