import type { PublishOutcome, Topics } from '@holdfast/broker/broker';
import { TopicsUnavailable } from '@holdfast/broker/topic-state';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { MAX_MESSAGE_BYTES } from '@holdfast/protocol/limits';
import type { Position } from '@holdfast/protocol/position-order';
import { type ProblemCode, problems } from '@holdfast/protocol/problems';
import { batchMessage, type batchResult } from '@holdfast/protocol/rest/messages';
import { tracePublish } from '@holdfast/service/tracing';
import type { z } from 'zod';
import { ProblemError } from '../http/problem-error.ts';
import { faultsOf, phraseOf } from '../http/validation.ts';
import { deniedTopics } from '../auth/authorization.ts';
import { type Principal, callerOf } from '../auth/principal.ts';
import type { Services } from '../services.ts';
import { createTopic } from '../topics/create-on-demand.ts';

type Result = z.output<typeof batchResult>;

/**
 * What goes to Redis at a time: a request of ordinary size. A thousand messages to a hundred topics each go in several,
 * for every topic's copy takes memory until Redis has it.
 */
const MAX_CHUNK = 1000;
const MAX_CHUNK_BYTES = 16 * 1024 * 1024;
/** Messages of a topic in one call of Redis, which does nothing else meanwhile: some hundred microseconds. */
const MAX_CALL_MESSAGES = 100;

/** What one message asks for, or why none of it is done. */
type Plan = { publications: Publication[] } | { refused: Result };

/** One message to one topic, and what became of it. */
interface Publication {
  topic: string;
  data: Buffer;
  idempotencyKey: string | undefined;
  /** Of the idempotency key. */
  caller: string;
  outcome?: PublishOutcome | RedisUnavailable | ProblemError | undefined;
}

type BatchServices = Pick<Services, 'broker' | 'keys' | 'rates' | 'counts'>;

/**
 * Publishes each message that can be, those of the same topic in the order given.
 * @returns one result for each message, in order
 * Rejects with `RedisUnavailable` when Redis took none of them.
 */
export async function publishBatch(
  services: BatchServices,
  principal: Principal,
  messages: readonly unknown[],
): Promise<Result[]> {
  const plans = await withoutMissing(
    services,
    principal,
    messages.map((message) => plan(principal, message)),
  );
  const publications = plans.flatMap((planned) => ('refused' in planned ? [] : planned.publications));
  await tracePublish(publicationOf(publications), async (span) => {
    for (const chunk of chunks(publications)) await publishAll(services, principal, chunk, span.traceparent);
    span.set({ 'holdfast.failed': publications.filter(({ outcome }) => !isPublished(outcome)).length });
  });

  const failed = publications.flatMap(({ outcome }) => (outcome instanceof RedisUnavailable ? outcome : []));
  if (failed[0] !== undefined && failed.length === publications.length) throw failed[0];
  for (const { outcome } of publications) {
    if (outcome !== undefined && 'kind' in outcome && outcome.kind !== 'not-found') {
      services.counts.publishes.inc({ outcome: outcome.kind });
    }
  }
  return plans.map((planned) => ('refused' in planned ? planned.refused : resultOf(planned.publications)));
}

function plan(principal: Principal, message: unknown): Plan {
  const parsed = batchMessage.safeParse(message);
  if (!parsed.success) return { refused: refusal('invalid-request', phraseOf(faultsOf(parsed.error.issues))) };
  const { data, idempotencyKey } = parsed.data;
  const topics = [...new Set(parsed.data.topics)];
  if (!Buffer.isBuffer(data)) return { refused: refusal('invalid-request', 'data: must be given', topics) };
  if (data.length > MAX_MESSAGE_BYTES) {
    return { refused: refusal('payload-too-large', `data: must be at most ${MAX_MESSAGE_BYTES} bytes`, topics) };
  }
  const denied = deniedTopics(principal, 'publish', topics);
  if (denied.length > 0) {
    return { refused: refusal('not-permitted', `There is no right to publish to ${denied.join(', ')}`, topics) };
  }
  return { publications: topics.map((topic) => ({ topic, data, idempotencyKey, caller: callerOf(principal) })) };
}

/**
 * A message to several topics goes to all of them or to none, so that it can be repeated as it is. Topics that do not exist
 * are made where the principal may, unless the message cannot be published anyway.
 */
async function withoutMissing(services: BatchServices, principal: Principal, plans: readonly Plan[]): Promise<Plan[]> {
  const several = plans.flatMap((planned) =>
    'publications' in planned && planned.publications.length > 1 ? [planned.publications] : [],
  );
  const { missing, unread } = await findTopics(services.broker, [...new Set(several.flat().map(({ topic }) => topic))]);
  const denied = new Set(deniedTopics(principal, 'create', [...missing]));
  const possible = several.filter((publications) =>
    publications.every(({ topic }) => !denied.has(topic) && !unread.has(topic)),
  );
  const wanted = new Set(possible.flat().map(({ topic }) => topic));
  const refused = await createEach(services, principal, [...wanted.intersection(missing)]);
  return plans.map((planned) => {
    if ('refused' in planned || planned.publications.length < 2) return planned;
    const topics = planned.publications.map(({ topic }) => topic);
    for (const [code, wanting] of [
      ['topic-not-found', topics.filter((topic) => denied.has(topic))],
      ['redis-unavailable', topics.filter((topic) => unread.has(topic))],
    ] as const) {
      if (wanting.length > 0)
        return { refused: refusal(code, `${problems[code].title}: ${wanting.join(', ')}`, wanting) };
    }
    const over = topics.filter((topic) => refused.has(topic));
    const error = refused.get(over[0] ?? '');
    return error === undefined
      ? planned
      : { refused: refusal(error.code, `${problems[error.code].title}: ${over.join(', ')}`, over) };
  });
}

/** Creates topics one by one, up to the caller's rate. Gives those that could not be, with why. */
async function createEach(
  services: BatchServices,
  principal: Principal,
  topics: readonly string[],
): Promise<Map<string, ProblemError | RedisUnavailable>> {
  const refused = new Map<string, ProblemError | RedisUnavailable>();
  for (const [index, topic] of topics.entries()) {
    try {
      await createTopic(services, principal, topic);
    } catch (error) {
      if (!(error instanceof ProblemError || error instanceof RedisUnavailable)) throw error;
      refused.set(topic, error);
      if (!(error instanceof ProblemError) || error.code !== 'too-many-calls') continue;
      for (const rest of topics.slice(index + 1)) refused.set(rest, error);
      break;
    }
  }
  return refused;
}

/** Which topics do not exist, and which could not be read. Rejects when none could be read. */
async function findTopics(
  broker: Topics,
  names: readonly string[],
): Promise<{ missing: ReadonlySet<string>; unread: ReadonlySet<string> }> {
  let unread = new Set<string>();
  for (;;) {
    const asked = names.filter((name) => !unread.has(name));
    try {
      const states = await broker.readTopics(asked);
      return { missing: new Set(asked.filter((_, index) => states[index] === null)), unread };
    } catch (error) {
      if (!(error instanceof TopicsUnavailable)) throw error;
      unread = unread.union(new Set(error.topics));
    }
  }
}

function* chunks(publications: readonly Publication[]): Generator<Publication[]> {
  let chunk: Publication[] = [];
  let bytes = 0;
  for (const publication of publications) {
    if (chunk.length === MAX_CHUNK || bytes + publication.data.length > MAX_CHUNK_BYTES) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(publication);
    bytes += publication.data.length;
  }
  if (chunk.length > 0) yield chunk;
}

/** What a span tells of all of them. */
function publicationOf(publications: readonly Publication[]) {
  const topic = publications[0]?.topic ?? null;
  const isOne = publications.every((publication) => publication.topic === topic);
  return { topic: isOne ? topic : null, messages: publications.length };
}

/** Those of a topic go together. */
async function publishAll(
  services: BatchServices,
  principal: Principal,
  chunk: readonly Publication[],
  traceparent: string,
): Promise<void> {
  const byTopic = new Map<string, Publication[]>();
  for (const publication of chunk) {
    const others = byTopic.get(publication.topic);
    if (others === undefined) byTopic.set(publication.topic, [publication]);
    else others.push(publication);
  }
  await Promise.all(
    [...byTopic.values()].map((publications) => publishInOrder(services, principal, publications, traceparent)),
  );
}

/** One call after the other: one that has to be sent again must not come behind the next. */
async function publishInOrder(
  services: BatchServices,
  principal: Principal,
  publications: readonly Publication[],
  traceparent: string,
): Promise<void> {
  for (let from = 0; from < publications.length; from += MAX_CALL_MESSAGES) {
    await publishTogether(services, principal, publications.slice(from, from + MAX_CALL_MESSAGES), traceparent);
  }
}

/** Publishes messages of one topic, which is made if need be, where the principal may. */
async function publishTogether(
  services: BatchServices,
  principal: Principal,
  publications: readonly Publication[],
  traceparent: string,
) {
  const topic = publications[0]?.topic ?? '';
  try {
    let outcomes = await services.broker.publishAll(topic, publications, traceparent);
    if (outcomes[0]?.kind === 'not-found' && deniedTopics(principal, 'create', [topic]).length === 0) {
      await createTopic(services, principal, topic);
      outcomes = await services.broker.publishAll(topic, publications, traceparent);
    }
    for (const [index, publication] of publications.entries()) publication.outcome = outcomes[index];
  } catch (error) {
    if (!(error instanceof RedisUnavailable || error instanceof ProblemError)) throw error;
    for (const publication of publications) publication.outcome = error;
  }
}

function isPublished(outcome: Publication['outcome']): boolean {
  return outcome !== undefined && 'id' in outcome;
}

function resultOf(publications: readonly Publication[]): Result {
  const ids: [string, Position][] = [];
  const failed: string[] = [];
  let code: ProblemCode = 'topic-not-found';
  for (const { topic, outcome } of publications) {
    if (outcome instanceof RedisUnavailable) code = 'redis-unavailable';
    else if (outcome instanceof ProblemError) ({ code } = outcome);
    else if (outcome?.kind === 'conflict' && code !== 'redis-unavailable') code = 'idempotency-conflict';
    if (outcome !== undefined && 'id' in outcome) ids.push([topic, outcome.id]);
    else failed.push(topic);
  }
  const published = Object.fromEntries(ids);
  if (failed.length === 0) return { ok: true, ids: published };
  return { ok: false, ids: published, code, detail: `${problems[code].title}: ${failed.join(', ')}`, topics: failed };
}

function refusal(code: ProblemCode, detail: string, topics?: string[]): Result {
  return { ok: false, ids: {}, code, detail, ...(topics === undefined ? {} : { topics }) };
}
