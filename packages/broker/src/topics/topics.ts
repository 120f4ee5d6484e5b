import type { BrokenRecords } from '../broken-records.ts';
import { BrokerUnavailable } from '@holdfast/redis/unavailable';
import type { Keys } from '../keys.ts';
import { DEFAULT_HISTORY, IDEMPOTENCY_SECONDS, MAX_PAGE_BYTES } from '@holdfast/protocol/limits';
import type { Position } from '@holdfast/protocol/position-order';
import type { History, KnownTopic, NewMessage, Page, PublishOutcome } from '../broker.ts';
import type { Commands } from '@holdfast/redis/commands';
import { type IndexEntry, listIndexed, settleIndex } from '../sorted-index.ts';
import { DELETED } from '../live/payload.ts';
import { UnexpectedAnswer, answerOf, listOf, logPageOf, numberOf, text, topicOf } from '../lua/replies.ts';
import { edgesOf } from '../clients/state.ts';
import { newIncarnation, randomStep } from '../random.ts';
import { publishDigest } from './publish-digest.ts';
import { type Argument, asked, run, runForBuffers } from '@holdfast/redis/script';
import { loadScript } from '../lua/scripts.ts';
import type { WakeUps } from '../edges/pending.ts';
import { type LogPage, type TopicState, TopicsUnavailable } from './state.ts';

const putTopicScript = loadScript('put-topic');
const deleteTopicScript = loadScript('delete-topic');
const publishScript = loadScript('publish');
const publishToClientScript = loadScript('publish-to-client');
const readLogScript = loadScript('read-log');
const compareTopicsScript = loadScript('compare-topics');
const readTopicsScript = loadScript('read-topics');

const IDEMPOTENCY_MS = IDEMPOTENCY_SECONDS * 1000;
/** Topics read or compared by one call: Redis, which does nothing else meanwhile, takes a tenth of a millisecond for them. */
const MAX_BATCH = 100;

/** Topics, their logs, and the own topics of clients. */
export class TopicStore {
  readonly #redis: Commands;
  readonly #keys: Keys;
  readonly #wakeUps: WakeUps;
  readonly #broken: BrokenRecords;

  constructor(redis: Commands, keys: Keys, wakeUps: WakeUps, broken: BrokenRecords) {
    this.#redis = redis;
    this.#keys = keys;
    this.#wakeUps = wakeUps;
    this.#broken = broken;
  }

  /** `key`: the API key that makes it, if any. */
  async put(topic: string, history: Partial<History>, key = ''): Promise<{ created: boolean; state: TopicState }> {
    // Listed first: a process that dies in between leaves a name without a topic, which listing passes over.
    await listIndexed(this.#redis, this.#entry(topic));
    const answer = answerOf(
      'put-topic',
      await run(
        this.#redis,
        putTopicScript,
        [this.#keys.topic(topic), this.#keys.topicLog(topic)],
        [
          history.size ?? '',
          history.seconds ?? '',
          history.size ?? DEFAULT_HISTORY.size,
          history.seconds ?? DEFAULT_HISTORY.seconds,
          newIncarnation(),
          key,
        ],
      ),
    );
    const state = topicOf(answer.rest);
    if (state === null) throw new UnexpectedAnswer('put-topic', answer);
    if (answer.kind === 1) await settleIndex(this.#redis, this.#entry(topic), true);
    return { created: answer.kind === 1, state };
  }

  async delete(topic: string): Promise<boolean> {
    const keys = [this.#keys.topic(topic), this.#keys.topicLog(topic)];
    const deleted = await run(this.#redis, deleteTopicScript, keys, [this.#keys.topicLive(topic), DELETED]);
    await settleIndex(this.#redis, this.#entry(topic), false);
    return numberOf('delete-topic', deleted) === 1;
  }

  readAll(topics: readonly string[]): Promise<(TopicState | null)[]> {
    return this.#redis.isCluster || topics.length < 2 ? this.#readEach(topics) : this.#readTogether(topics);
  }

  async #readTogether(topics: readonly string[]): Promise<(TopicState | null)[]> {
    const states: (TopicState | null)[] = [];
    for (let from = 0; from < topics.length; from += MAX_BATCH) {
      const some = topics.slice(from, from + MAX_BATCH);
      const keys = some.map((topic) => this.#keys.topic(topic));
      const answer = await run(this.#redis, readTopicsScript, keys, []);
      if (!Array.isArray(answer)) throw new UnexpectedAnswer('read-topics', answer);
      states.push(...some.map((topic, index) => this.#stateOf(topic, answer[index])));
    }
    return states;
  }

  #stateOf(topic: string, answer: unknown): TopicState | null {
    if (typeof answer !== 'string') return topicOf(answer);
    this.#broken.report({ kind: 'topic', name: topic, reason: answer });
    return null;
  }

  async #readEach(topics: readonly string[]): Promise<(TopicState | null)[]> {
    const answers = await Promise.allSettled(topics.map((topic) => this.#readState(topic)));
    const states = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    if (states.length === topics.length) return states;
    // On a Cluster one node may be away, and the topics of the others be known.
    const failed = topics.filter((_, index) => answers[index]?.status === 'rejected');
    const first = answers.find((answer) => answer.status === 'rejected');
    throw states.length === 0 ? new BrokerUnavailable(first?.reason) : new TopicsUnavailable(first?.reason, failed);
  }

  async #readState(topic: string): Promise<TopicState | null> {
    const fields = this.#redis.hmget(this.#keys.topic(topic), 'size', 'seconds', 'born', 'last');
    return topicOf(await this.#broken.skip(fields, { kind: 'topic', name: topic }));
  }

  /** Gives the topics that stand elsewhere than is known of them, with their state, null for one that does not exist. */
  async compare(known: readonly KnownTopic[]): Promise<Map<KnownTopic, TopicState | null>> {
    const most = this.#redis.isCluster ? 1 : MAX_BATCH;
    const batches: (readonly KnownTopic[])[] = [];
    for (let from = 0; from < known.length; from += most) batches.push(known.slice(from, from + most));
    const differing = await Promise.all(batches.map((batch) => this.#compareBatch(batch)));
    return new Map(differing.flat());
  }

  async #compareBatch(batch: readonly KnownTopic[]): Promise<[KnownTopic, TopicState | null][]> {
    const keys = batch.map(({ topic }) => this.#keys.topic(topic));
    const args = batch.flatMap(({ incarnation, last }) => [incarnation, last]);
    const answers = listOf('compare-topics', await run(this.#redis, compareTopicsScript, keys, args), batch.length);
    return batch.flatMap((known, index) => (answers[index] === 0 ? [] : [[known, topicOf(answers[index])]]));
  }

  async list(cursor: string | null, limit: number): Promise<Page<{ topic: string; state: TopicState }>> {
    const from = cursor === null ? '-' : `(${cursor}`;
    const names = await asked(this.#redis.zrangebylex(this.#keys.topics(), from, '+', 'LIMIT', 0, limit + 1));
    const shown = names.slice(0, limit);
    const states = await this.readAll(shown);
    const items = shown.flatMap((topic, index) => {
      const state = states[index];
      return state ? [{ topic, state }] : [];
    });
    return { items, cursor: names.length > limit ? (shown.at(-1) ?? null) : null };
  }

  async publish(topic: string, data: Buffer, idempotencyKey?: string, caller?: string): Promise<PublishOutcome> {
    const [outcome] = await this.publishAll(topic, [{ data, idempotencyKey, caller }]);
    return outcome ?? { kind: 'not-found' };
  }

  async publishAll(topic: string, messages: readonly NewMessage[]): Promise<PublishOutcome[]> {
    const keys = [this.#keys.topic(topic), this.#keys.topicLog(topic)];
    const known = keys.length;
    const args: Argument[] = [this.#keys.topicLive(topic), randomStep(), IDEMPOTENCY_MS];
    for (const { data, idempotencyKey, caller = '' } of messages) {
      if (idempotencyKey === undefined) {
        args.push(data, 0, '');
        continue;
      }
      keys.push(this.#keys.topicIdempotency(topic, idempotencyKey));
      args.push(data, keys.length - known, publishDigest(caller, data));
    }
    const { kind, rest } = answerOf('publish', await run(this.#redis, publishScript, keys, args));
    return messages.map((_, index) =>
      kind === 0 ? { kind: 'not-found' } : publishOutcome(rest[2 * index], rest[2 * index + 1]),
    );
  }

  async publishToClient(clientId: string, data: Buffer, idempotencyKey?: string, caller = ''): Promise<PublishOutcome> {
    const keys = [this.#keys.client(clientId), this.#keys.clientLog(clientId)];
    if (idempotencyKey !== undefined) keys.push(this.#keys.clientIdempotency(clientId, idempotencyKey));
    const digest = idempotencyKey === undefined ? '' : publishDigest(caller, data);
    const args = [data, randomStep(), IDEMPOTENCY_MS, DEFAULT_HISTORY.size, DEFAULT_HISTORY.seconds, digest];
    const answer = answerOf('publish-to-client', await run(this.#redis, publishToClientScript, keys, args));
    const [id, ...edges] = answer.rest;
    await this.#wakeUps.notify(edgesOf(...edges.map(text)), clientId);
    return answer.kind === 0 ? { kind: 'not-found' } : publishOutcome(answer.kind, id);
  }

  readLog(topic: string, after: Position | null, limit: number): Promise<LogPage | null> {
    return this.#read([this.#keys.topic(topic), this.#keys.topicLog(topic)], after, limit, 'topic');
  }

  readClientLog(clientId: string, after: Position | null, limit: number): Promise<LogPage | null> {
    return this.#read([this.#keys.client(clientId), this.#keys.clientLog(clientId)], after, limit, 'client');
  }

  #entry(topic: string): IndexEntry {
    return { index: this.#keys.topics(), member: topic, key: this.#keys.topic(topic) };
  }

  async #read(keys: string[], after: Position | null, limit: number, of: 'topic' | 'client'): Promise<LogPage | null> {
    const answer = answerOf(
      'read-log',
      await runForBuffers(this.#redis, readLogScript, keys, [
        after ?? '',
        limit,
        of,
        DEFAULT_HISTORY.seconds,
        MAX_PAGE_BYTES,
      ]),
    );
    return answer.kind === 0 ? null : logPageOf(answer.rest);
  }
}

function publishOutcome(kind: unknown, id: unknown): PublishOutcome {
  if (kind === 3) return { kind: 'conflict' };
  return { kind: kind === 1 ? 'published' : 'repeated', id: text(id) };
}
