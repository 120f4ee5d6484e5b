import { hash } from 'node:crypto';
import type { BrokenRecords } from '../broken-records.ts';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import type { Keys } from '../keys.ts';
import { DEFAULT_HISTORY, IDEMPOTENCY_SECONDS, MAX_PAGE_BYTES } from '@holdfast/protocol/limits';
import { MESSAGE_PUBLISHED } from '@holdfast/protocol/events';
import type { Position } from '@holdfast/protocol/position-order';
import type { KnownTopic, NewMessage, Page, PublishOutcome, TopicSettings } from '../broker.ts';
import type { Commands } from '@holdfast/redis/commands';
import { listIndexed, updateIndex } from '../sorted-index.ts';
import { DELETED, SETTINGS } from '../live/payload.ts';
import { UnexpectedAnswer, answerOf, listOf, logPageOf, numberOf, text, topicOf } from '../lua/replies.ts';
import { edgesOf } from '../clients/state.ts';
import { newIncarnation, randomStep } from '../random.ts';
import { type Argument, asked, run, runForBuffers } from '@holdfast/redis/script';
import { loadScript } from '../lua/scripts.ts';
import type { Pending } from '../edges/pending.ts';
import type { EventWriter } from '../events/writer.ts';
import { presenceOf } from '../presence/changes.ts';
import type { ExpiryStore } from './expiry.ts';
import { topicEntry } from './topic-index.ts';
import { DORMANT_MS, type LogPage, type TopicState, TopicsUnavailable } from './state.ts';

const putTopicScript = loadScript('put-topic');
const deleteTopicScript = loadScript('delete-topic');
const publishScript = loadScript('publish');
const publishToClientScript = loadScript('publish-to-client');
const readLogScript = loadScript('read-log');
const compareTopicsScript = loadScript('compare-topics');
const readTopicsScript = loadScript('read-topics');

const IDEMPOTENCY_MS = IDEMPOTENCY_SECONDS * 1000;
/** 96 bits: two bodies of one digest cannot be found, and a key that is remembered stays small. */
const DIGEST_CHARACTERS = 16;
/** Topics read or compared by one call: Redis, which does nothing else meanwhile, takes a tenth of a millisecond for them. */
const MAX_BATCH = 100;

/** Greater than every character of a name. */
const AFTER_NAMES = '\x7f';

const DAY_MS = 24 * 3_600_000;
/** A dormant topic that edges have is written to once a day. */
const RENEW_MS = DORMANT_MS - DAY_MS;

/** What a store of topics gives of those that have expired: nothing, or all that is kept of them. */
type Sight = 'callers' | 'edges';

/** Topics, their logs, and the inboxes of clients. */
export type TopicStore = ReturnType<typeof topicStore>;

export function topicStore(
  redis: Commands,
  keys: Keys,
  pending: Pending,
  broken: BrokenRecords,
  expiry: Pick<ExpiryStore, 'listExpiring'>,
  events: EventWriter,
  sight: Sight,
) {
  /**
   * @param key the API key that makes it, if any
   * @param leave one that is there stays as it is
   */
  async function putTopic(
    topic: string,
    { size, seconds, expireSeconds, presence }: TopicSettings,
    key = '',
    leave = false,
  ): Promise<{ created: boolean; state: TopicState }> {
    // Listed first: a process that dies in between leaves a name without a topic, which listing passes over.
    await Promise.all([
      listIndexed(redis, topicEntry(redis, keys, topic)),
      typeof expireSeconds === 'number' ? expiry.listExpiring(topic, expireSeconds) : null,
    ]);
    const answer = answerOf(
      'put-topic',
      await run(redis, putTopicScript, topicKeys(topic), [
        size ?? '',
        seconds ?? '',
        size ?? DEFAULT_HISTORY.size,
        seconds ?? DEFAULT_HISTORY.seconds,
        newIncarnation(),
        key,
        given(expireSeconds),
        given(presence),
        keys.topicLive(topic),
        SETTINGS,
        leave ? 1 : '',
        ...presenceOf(keys, topic),
      ]),
    );
    const state = topicOf(answer.rest);
    if (state === null) throw new UnexpectedAnswer('put-topic', answer);
    await Promise.all([
      answer.kind === 1 ? updateIndex(redis, topicEntry(redis, keys, topic), true) : null,
      // Again: one of its name that had expired may just have been taken off the list.
      typeof expireSeconds === 'number' ? expiry.listExpiring(topic, expireSeconds) : null,
    ]);
    return { created: answer.kind === 1, state };
  }

  async function deleteTopic(topic: string): Promise<boolean> {
    const args = [keys.topicLive(topic), DELETED, ...presenceOf(keys, topic)];
    const deleted = await run(redis, deleteTopicScript, topicKeys(topic), args);
    await updateIndex(redis, topicEntry(redis, keys, topic), false);
    return numberOf('delete-topic', deleted) === 1;
  }

  async function readTopics(topics: readonly string[]): Promise<(TopicState | null)[]> {
    const states = await readWithDormant(topics);
    return sight === 'edges' ? states : states.map((state) => (state?.dormant === true ? null : state));
  }

  function readWithDormant(topics: readonly string[]): Promise<(TopicState | null)[]> {
    return redis.isCluster || topics.length < 2 ? readEach(topics) : readTogether(topics);
  }

  async function readTogether(topics: readonly string[]): Promise<(TopicState | null)[]> {
    const states: (TopicState | null)[] = [];
    for (let from = 0; from < topics.length; from += MAX_BATCH) {
      const some = topics.slice(from, from + MAX_BATCH);
      const hashes = some.map((topic) => keys.topic(topic));
      const answer = await run(redis, readTopicsScript, hashes, []);
      if (!Array.isArray(answer)) throw new UnexpectedAnswer('read-topics', answer);
      states.push(...some.map((topic, index) => stateOf(topic, answer[index])));
    }
    return states;
  }

  function stateOf(topic: string, answer: unknown): TopicState | null {
    if (typeof answer !== 'string') return topicOf(answer);
    broken.report({ kind: 'topic', name: topic, reason: answer });
    return null;
  }

  async function readEach(topics: readonly string[]): Promise<(TopicState | null)[]> {
    const answers = await Promise.allSettled(topics.map((topic) => readState(topic)));
    const states = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    if (states.length === topics.length) return states;
    // On a Cluster one node may be away, and the topics of the others be known.
    const failed = topics.filter((_, index) => answers[index]?.status === 'rejected');
    const first = answers.find((answer) => answer.status === 'rejected');
    throw states.length === 0 ? new RedisUnavailable(first?.reason) : new TopicsUnavailable(first?.reason, failed);
  }

  async function readState(topic: string): Promise<TopicState | null> {
    const fields = redis.hmget(keys.topic(topic), 'size', 'seconds', 'born', 'last', 'expire', 'presence', 'gone');
    return topicOf(await broken.skip(fields, { kind: 'topic', name: topic }));
  }

  /** Gives the topics that differ from what is known of them, with their state, null for one that does not exist. */
  async function compareTopics(known: readonly KnownTopic[]): Promise<Map<KnownTopic, TopicState | null>> {
    const most = redis.isCluster ? 1 : MAX_BATCH;
    const batches: (readonly KnownTopic[])[] = [];
    for (let from = 0; from < known.length; from += most) batches.push(known.slice(from, from + most));
    const differing = await Promise.all(batches.map((batch) => compareBatch(batch)));
    return new Map(differing.flat());
  }

  async function compareBatch(batch: readonly KnownTopic[]): Promise<[KnownTopic, TopicState | null][]> {
    const hashes = batch.map(({ topic }) => keys.topic(topic));
    const args = [
      DORMANT_MS,
      RENEW_MS,
      ...batch.flatMap(({ incarnation, last, settings }) => [incarnation, last, settings]),
    ];
    const answers = listOf('compare-topics', await run(redis, compareTopicsScript, hashes, args), batch.length);
    return batch.flatMap((known, index) => (answers[index] === 0 ? [] : [[known, topicOf(answers[index])]]));
  }

  async function listTopics(
    cursor: string | null,
    limit: number,
    prefix = '',
  ): Promise<Page<{ topic: string; state: TopicState }>> {
    const from = cursor === null || cursor < prefix ? `[${prefix}` : `(${cursor}`;
    const to = prefix === '' ? '+' : `(${prefix}${AFTER_NAMES}`;
    const names = await asked(redis.zrangebylex(keys.topics(), from, to, 'LIMIT', 0, limit + 1));
    const shown = names.slice(0, limit);
    const states = await readTopics(shown);
    const items = shown.flatMap((topic, index) => {
      const state = states[index];
      return state ? [{ topic, state }] : [];
    });
    return { items, cursor: names.length > limit ? (shown.at(-1) ?? null) : null };
  }

  async function publish(
    topic: string,
    data: Buffer,
    idempotencyKey?: string,
    caller?: string,
    traceparent?: string,
  ): Promise<PublishOutcome> {
    const [outcome] = await publishAll(topic, [{ data, idempotencyKey, caller }], traceparent);
    return outcome ?? { kind: 'not-found' };
  }

  async function publishAll(
    topic: string,
    messages: readonly NewMessage[],
    traceparent = '',
  ): Promise<PublishOutcome[]> {
    const touched = topicKeys(topic);
    const first = touched.length;
    const args: Argument[] = [keys.topicLive(topic), randomStep(), IDEMPOTENCY_MS, traceparent];
    for (const { data, idempotencyKey, caller = '' } of messages) {
      if (idempotencyKey === undefined) {
        args.push(data, 0, '');
        continue;
      }
      touched.push(keys.topicIdempotency(topic, idempotencyKey));
      args.push(data, touched.length - first, publishDigest(caller, data));
    }
    const stream = events.ofTopic(topic, MESSAGE_PUBLISHED);
    if (stream !== null) {
      touched.push(stream.stream);
      args.push(1);
    }
    const { kind, rest } = answerOf('publish', await run(redis, publishScript, touched, args));
    events.written(stream);
    return messages.map((_, index) =>
      kind === 0 ? { kind: 'not-found' } : publishOutcome(rest[2 * index], rest[2 * index + 1]),
    );
  }

  async function publishToClient(
    clientId: string,
    data: Buffer,
    idempotencyKey?: string,
    caller = '',
    traceparent = '',
  ): Promise<PublishOutcome> {
    const touched = clientKeys(clientId);
    if (idempotencyKey !== undefined) touched.push(keys.clientIdempotency(clientId, idempotencyKey));
    const digest = idempotencyKey === undefined ? '' : publishDigest(caller, data);
    const { size, seconds } = DEFAULT_HISTORY;
    const args = [data, randomStep(), IDEMPOTENCY_MS, size, seconds, digest, traceparent];
    const stream = events.ofInbox(clientId, MESSAGE_PUBLISHED);
    if (stream !== null) touched.push(stream.stream);
    const answer = answerOf('publish-to-client', await run(redis, publishToClientScript, touched, args));
    events.written(stream);
    const [id, ...edges] = answer.rest;
    await pending.notify(edgesOf(...edges.map(text)), clientId);
    return answer.kind === 0 ? { kind: 'not-found' } : publishOutcome(answer.kind, id);
  }

  function readLog(topic: string, after: Position | null, limit: number): Promise<LogPage | null> {
    return readPage(topicKeys(topic), after, limit, 'topic');
  }

  function readClientLog(clientId: string, after: Position | null, limit: number): Promise<LogPage | null> {
    return readPage(clientKeys(clientId), after, limit, 'client');
  }

  async function readPage(
    touched: string[],
    after: Position | null,
    limit: number,
    of: 'topic' | 'client',
  ): Promise<LogPage | null> {
    const answer = answerOf(
      'read-log',
      await runForBuffers(redis, readLogScript, touched, [
        after ?? '',
        limit,
        of,
        DEFAULT_HISTORY.seconds,
        MAX_PAGE_BYTES,
        sight === 'edges' ? 1 : '',
      ]),
    );
    return answer.kind === 0 ? null : logPageOf(answer.rest);
  }

  function topicKeys(topic: string): string[] {
    return [keys.topic(topic), keys.topicLog(topic)];
  }

  function clientKeys(clientId: string): string[] {
    return [keys.client(clientId), keys.clientLog(clientId)];
  }

  return {
    putTopic,
    deleteTopic,
    readTopics,
    readWithDormant,
    compareTopics,
    listTopics,
    publish,
    publishAll,
    publishToClient,
    readLog,
    readClientLog,
  };
}

/** A setting as put-topic.lua takes it. */
function given(setting: number | object | null | undefined): string | number {
  if (setting === undefined) return '';
  if (setting === null) return '-';
  return typeof setting === 'number' ? setting : JSON.stringify(setting);
}

function publishOutcome(kind: unknown, id: unknown): PublishOutcome {
  if (kind === 3) return { kind: 'conflict' };
  return { kind: kind === 1 ? 'published' : 'repeated', id: text(id) };
}

/** Binds an idempotency key to its caller and to the data. Text without blanks. */
function publishDigest(caller: string, data: Buffer): string {
  // A caller has no NUL, so that no two of caller and data look alike when they are put together.
  return hash('sha256', Buffer.concat([Buffer.from(`${caller}\0`), data]), 'base64url').slice(0, DIGEST_CHARACTERS);
}
