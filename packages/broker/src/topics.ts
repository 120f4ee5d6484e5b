import type { BrokenRecords } from './broken-records.ts';
import { BrokerUnavailable } from './broker-unavailable.ts';
import type { Keys } from '@holdfast/protocol/keys';
import { DEFAULT_HISTORY, IDEMPOTENCY_SECONDS, MAX_PAGE_BYTES } from '@holdfast/protocol/limits';
import type { Position } from '@holdfast/protocol/position-order';
import type { History, NewMessage, Page, PublishOutcome } from './broker.ts';
import type { Commands } from './commands.ts';
import { type IndexEntry, listIndexed, settleIndex } from './index-entry.ts';
import type { Letters } from './letters.ts';
import { DELETED } from './live-payload.ts';
import { UnexpectedAnswer, answerOf, logPageOf, numberOf, text, topicOf } from './outcomes.ts';
import { type Argument, asked, loadScript, run, runForBuffers } from './script.ts';
import type { LogPage, TopicState } from './topic-state.ts';

const putTopicScript = loadScript('put-topic');
const deleteTopicScript = loadScript('delete-topic');
const publishScript = loadScript('publish');
const publishToClientScript = loadScript('publish-to-client');
const readLogScript = loadScript('read-log');
const readTopicsScript = loadScript('read-topics');

/** Topics in one call of Redis, which does nothing else meanwhile: some hundred microseconds. */
const READ_AT_ONCE = 100;
const IDEMPOTENCY_MS = IDEMPOTENCY_SECONDS * 1000;

/** Topics, their logs, and the own topics of clients. */
export class TopicStore {
  readonly #redis: Commands;
  readonly #keys: Keys;
  readonly #letters: Letters;
  readonly #broken: BrokenRecords;

  constructor(redis: Commands, keys: Keys, letters: Letters, broken: BrokenRecords) {
    this.#redis = redis;
    this.#keys = keys;
    this.#letters = letters;
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
          '',
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
    const keys = [this.#keys.topic(topic), this.#keys.topicLog(topic), this.#keys.topicLive(topic)];
    const deleted = await run(this.#redis, deleteTopicScript, keys, [DELETED]);
    await settleIndex(this.#redis, this.#entry(topic), false);
    return numberOf('delete-topic', deleted) === 1;
  }

  readAll(topics: readonly string[]): Promise<(TopicState | null)[]> {
    return this.#redis.isCluster || topics.length < 2 ? this.#readEach(topics) : this.#readTogether(topics);
  }

  async #readTogether(topics: readonly string[]): Promise<(TopicState | null)[]> {
    const states: (TopicState | null)[] = [];
    for (let from = 0; from < topics.length; from += READ_AT_ONCE) {
      const some = topics.slice(from, from + READ_AT_ONCE);
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
    throw new BrokerUnavailable(first?.reason, states.length === 0 ? [] : failed);
  }

  async #readState(topic: string): Promise<TopicState | null> {
    const fields = this.#redis.hmget(this.#keys.topic(topic), 'size', 'seconds', 'born', 'last');
    return topicOf(await this.#broken.skip(fields, { kind: 'topic', name: topic }));
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

  async publish(topic: string, data: Buffer, idempotencyKey?: string): Promise<PublishOutcome> {
    const [outcome] = await this.publishAll(topic, [{ data, idempotencyKey }]);
    return outcome ?? { kind: 'unknown' };
  }

  async publishAll(topic: string, messages: readonly NewMessage[]): Promise<PublishOutcome[]> {
    const keys = [this.#keys.topic(topic), this.#keys.topicLog(topic), this.#keys.topicLive(topic)];
    const known = keys.length;
    const args: Argument[] = [IDEMPOTENCY_MS];
    for (const { data, idempotencyKey } of messages) {
      if (idempotencyKey !== undefined) keys.push(this.#keys.topicIdempotency(topic, idempotencyKey));
      args.push(data, idempotencyKey === undefined ? 0 : keys.length - known);
    }
    const { kind, rest } = answerOf('publish', await run(this.#redis, publishScript, keys, args));
    return messages.map((_, index) =>
      kind === 0 ? { kind: 'unknown' } : publishOutcome(rest[2 * index], rest[2 * index + 1]),
    );
  }

  async publishToClient(clientId: string, data: Buffer, idempotencyKey?: string): Promise<PublishOutcome> {
    const keys = [this.#keys.client(clientId), this.#keys.clientLog(clientId)];
    if (idempotencyKey !== undefined) keys.push(this.#keys.clientIdempotency(clientId, idempotencyKey));
    const args = [data, IDEMPOTENCY_MS, DEFAULT_HISTORY.size, DEFAULT_HISTORY.seconds];
    const answer = answerOf('publish-to-client', await run(this.#redis, publishToClientScript, keys, args));
    const edge = text(answer.rest[1]);
    if (edge) await this.#letters.ring(edge, clientId);
    return answer.kind === 0 ? { kind: 'unknown' } : publishOutcome(answer.kind, answer.rest[0]);
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
  return { kind: kind === 1 ? 'published' : 'repeated', id: text(id) };
}
