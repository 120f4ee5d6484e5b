import { randomUUID } from 'node:crypto';
import { HoldfastError, type LocalErrorCode } from '@holdfast/client/holdfast-error';
import type { BatchMessage, Rest } from '@holdfast/client/rest';
import { MAX_BATCH_BYTES, MAX_BATCH_MESSAGES } from '@holdfast/protocol/limits';
import type { ProblemCode } from '@holdfast/protocol/problems';
import { type RetryOptions, withRetries } from './retries.ts';

/** One message of `publishMany`. */
export interface BatchItem {
  topics: readonly string[];
  /** A JSON value. */
  data: unknown;
  /** As in `publish`; one is made otherwise. */
  idempotencyKey?: string | undefined;
}

export interface BatchOutcome {
  /** Whether it was published to all of its topics. */
  ok: boolean;
  /** What was published, by topic. */
  ids: Record<string, string>;
  /** Why not; after `unreachable` it may have been published. */
  code?: ProblemCode | LocalErrorCode | undefined;
  detail?: string | undefined;
  /** The topics that it was not published to. */
  topics?: string[] | undefined;
}

/** What a message may be refused with that passes. */
const PASSING_CODES: ReadonlySet<string> = new Set<ProblemCode>(['redis-unavailable', 'api-busy', 'internal-error']);
/** For the names and braces around a message. */
const BYTES_AROUND = 100;

/** Sends messages in order, as many in a call as it takes; each keeps its idempotency key over all attempts. */
export async function sendBatches(
  rest: Rest,
  retry: RetryOptions,
  items: readonly BatchItem[],
  signal: AbortSignal | undefined,
): Promise<BatchOutcome[]> {
  const outcomes: BatchOutcome[] = [];
  for (const batch of batchesOf(items)) {
    try {
      outcomes.push(...(await sendBatch(rest, retry, batch, signal)));
    } catch (error) {
      if (outcomes.length === 0 || !(error instanceof HoldfastError)) throw error;
      const { code, message } = error;
      outcomes.push(...batch.map(({ topics }) => ({ ok: false, ids: {}, code, detail: message, topics: [...topics] })));
    }
  }
  return outcomes;
}

/** Messages that a server could not take at the moment are sent again; those that it refused are not. */
async function sendBatch(
  rest: Rest,
  retry: RetryOptions,
  batch: readonly BatchMessage[],
  signal: AbortSignal | undefined,
): Promise<BatchOutcome[]> {
  const outcomes: (BatchOutcome | undefined)[] = batch.map(() => undefined);
  const open = (): number[] => batch.flatMap((_, index) => (isOpen(outcomes[index]) ? [index] : []));
  try {
    await withRetries(retry, signal, async (attempt) => {
      const sent = open();
      const messages = sent.flatMap((index) => batch[index] ?? []);
      const { results } = await rest.publishBatch(messages, { signal: attempt.signal });
      if (results.length !== sent.length)
        throw new HoldfastError('unexpected-answer', 'it has not one result a message');
      for (const [at, index] of sent.entries()) outcomes[index] = results[at];
      if (open().length > 0) throw new HoldfastError('redis-unavailable', 'not all of it', { status: 503 });
    });
  } catch (error) {
    if (!(error instanceof HoldfastError) || outcomes.includes(undefined)) throw error;
  }
  return outcomes.flatMap((outcome) => outcome ?? []);
}

/** Whether another attempt may help. */
function isOpen(outcome: BatchOutcome | undefined): boolean {
  return outcome === undefined || (!outcome.ok && PASSING_CODES.has(outcome.code ?? ''));
}

function batchesOf(items: readonly BatchItem[]): BatchMessage[][] {
  const batches: BatchMessage[][] = [];
  let batch: BatchMessage[] = [];
  let bytes = 0;
  for (const { topics, data, idempotencyKey = randomUUID() } of items) {
    const message = { topics, data, idempotencyKey };
    const size = Buffer.byteLength(JSON.stringify(message)) + BYTES_AROUND;
    if (batch.length === MAX_BATCH_MESSAGES || (batch.length > 0 && bytes + size > MAX_BATCH_BYTES)) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(message);
    bytes += size;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
