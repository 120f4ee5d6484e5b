import { z } from 'zod';
import { MAX_BATCH_MESSAGES, MAX_IDEMPOTENCY_KEY_LENGTH } from '../limits.ts';
import { position } from '../positions.ts';
import { problemCode } from '../problems.ts';
import { deliveredTopic, topicName } from '../topic-name.ts';

/** Visible ASCII, as draft-ietf-httpapi-idempotency-key-header has it, without the need for quotes. */
export const idempotencyKey = z
  .string()
  .regex(
    new RegExp(`^[\\x21-\\x7e]{1,${MAX_IDEMPOTENCY_KEY_LENGTH}}$`),
    `must be 1 to ${MAX_IDEMPOTENCY_KEY_LENGTH} visible ASCII characters`,
  );

export const publishResponse = z.object({ topic: deliveredTopic, id: position });

/** One message of a batch. Judged alone: one that is wrong does not stop the others. `data` is passed on byte for byte. */
export const batchMessage = z.strictObject({
  topics: z.array(topicName).min(1).max(100),
  data: z.unknown(),
  idempotencyKey: idempotencyKey.optional(),
});

export const batchRequest = z.strictObject({
  messages: z.array(z.unknown()).min(1).max(MAX_BATCH_MESSAGES),
});

export const batchResult = z.object({
  ok: z.boolean(),
  ids: z.record(topicName, position).describe('What was published, by topic'),
  code: problemCode.optional(),
  detail: z.string().optional(),
  topics: z.array(z.string()).optional().describe('The topics that were not published to'),
});

export const batchResponse = z.object({ results: z.array(batchResult) });

export const logEntry = z.object({ id: position, data: z.json() });

export const logResponse = z.object({
  messages: z.array(logEntry),
  complete: z.boolean().describe('False when older messages than asked for are gone'),
  more: z.literal(true).optional().describe('The log goes on after this page, which was full'),
});
