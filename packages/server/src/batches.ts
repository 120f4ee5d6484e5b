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
  /** Why not. With a code of the SDK, such as `unreachable`, it may have been published or not. */
  code?: ProblemCode | LocalErrorCode | undefined;
  detail?: string | undefined;
  /** The topics that it was not published to. */
  topics?: string[] | undefined;
  /** Of a message that is not `ok`: sent again under this key within five minutes, it is published once. */
  idempotencyKey?: string | undefined;
}

type BatchResult = Omit<BatchOutcome, 'idempotencyKey'>;

/** A message as it is sent. */
type Keyed = BatchMessage & { idempotencyKey: string };

/** What a message may be refused with that passes. */
const PASSING_CODES: ReadonlySet<string> = new Set<ProblemCode>(['redis-unavailable', 'api-busy', 'internal-error']);
/** For the names and braces around a message. */
const BYTES_AROUND = 100;

/**
 * Sends messages in order, as many in a call as it takes; each keeps its idempotency key over all attempts. Rejects only when
 * surely none was published. After a call of which nothing is known no more is sent.
 */
export async function sendBatches(
  rest: Rest,
  retry: RetryOptions,
  items: readonly BatchItem[],
  signal: AbortSignal | undefined,
): Promise<BatchOutcome[]> {
  const outcomes: BatchOutcome[] = [];
  let end: Failure | undefined;
  for (const batch of batchesOf(items)) {
    const { results, error, lost } = end === undefined ? await sendBatch(rest, retry, batch, signal) : NOT_SENT;
    const failure = end ?? lost ?? error;
    if (failure !== undefined && results.length === 0) {
      end ??= lost;
      if (outcomes.length === 0 && end === undefined) throw failure.reason;
    }
    outcomes.push(...batch.map((message, index) => outcomeOf(message, results[index], failure)));
  }
  return outcomes;
}

/** Why an attempt failed: a HoldfastError, or the reason of a signal. */
interface Failure {
  readonly reason: unknown;
}

interface Sent {
  /** One a message, or none. */
  results: BatchResult[];
  /** Of the last attempt. */
  error?: Failure | undefined;
  /** Of the last attempt that failed and may have been carried out. */
  lost?: Failure | undefined;
}

const NOT_SENT: Sent = { results: [] };

/** Messages that a server could not take at the moment are sent again; those that it refused are not. */
async function sendBatch(
  rest: Rest,
  retry: RetryOptions,
  batch: readonly Keyed[],
  signal: AbortSignal | undefined,
): Promise<Sent> {
  const results: BatchResult[] = [];
  let lost: Failure | undefined;
  const open = (): number[] => batch.flatMap((_, index) => (isOpen(results[index]) ? [index] : []));
  const attempt = async (sent: readonly number[], bounded: AbortSignal): Promise<BatchResult[]> => {
    const messages = sent.flatMap((index) => batch[index] ?? []);
    try {
      const answer = await rest.publishBatch(messages, { signal: bounded });
      if (answer.results.length === sent.length) return answer.results;
      throw new HoldfastError('unexpected-answer', 'it has not one result a message');
    } catch (reason) {
      if (mayBeCarriedOut(reason)) lost = { reason };
      throw reason;
    }
  };
  try {
    await withRetries(retry, signal, async ({ signal: bounded }) => {
      const sent = open();
      const answered = await attempt(sent, bounded);
      for (const [at, result] of answered.entries()) results[sent[at] ?? at] = result;
      if (open().length > 0) throw new HoldfastError('redis-unavailable', 'not all of it', { status: 503 });
    });
    return { results };
  } catch (reason) {
    return { results, error: { reason }, lost };
  }
}

function outcomeOf(
  { topics, idempotencyKey }: Keyed,
  result: BatchResult | undefined,
  failure: Failure | undefined,
): BatchOutcome {
  if (result !== undefined) return result.ok ? result : { ...result, idempotencyKey };
  const { reason } = failure ?? {};
  const isKnown = reason instanceof HoldfastError && reason.code !== 'unreachable';
  // An attempt that its signal ended got no answer either.
  const code = isKnown ? reason.code : 'unreachable';
  const detail = reason instanceof Error ? reason.message : String(reason);
  return { ok: false, ids: {}, code, detail, topics: [...topics], idempotencyKey };
}

/** What a server refuses, below 500, it has not done. */
function mayBeCarriedOut(error: unknown): boolean {
  if (!(error instanceof HoldfastError) || error.status === undefined) return true;
  return error.status < 300 || error.status >= 500 || error.status === 408;
}

/** Whether another attempt may help. */
function isOpen(outcome: BatchResult | undefined): boolean {
  return outcome === undefined || (!outcome.ok && PASSING_CODES.has(outcome.code ?? ''));
}

function batchesOf(items: readonly BatchItem[]): Keyed[][] {
  const batches: Keyed[][] = [];
  let batch: Keyed[] = [];
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
