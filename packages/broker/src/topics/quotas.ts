import type { Keys } from '../keys.ts';
import { DEFAULT_HISTORY } from '@holdfast/protocol/limits';
import type { History, PutOutcome, TopicOwner, TopicQuota } from '../broker.ts';
import type { Commands } from '@holdfast/redis/commands';
import { numberOf } from '../lua/replies.ts';
import { asked, run } from '@holdfast/redis/script';
import { loadScript } from '../lua/scripts.ts';
import type { TopicStore } from './topics.ts';

const countTopicScript = loadScript('count-topic');

/** What was counted so long ago and is not there was left by a process that died: no call takes this long. */
const ABANDONED_MS = 60_000;
/** How often at most a key's count is compared with what there is. */
const COMPARE_EVERY_MS = 5_000;
/** Topics looked at in one go. */
const AT_ONCE = 100;
const NO_QUOTA: TopicQuota = { maxTopics: null, maxHistoryMessages: null };

/** What a topic says of who made it. */
interface Made {
  key: string;
  size: number;
}

/**
 * Topics are counted for the key that made them. The count lies in another Cluster slot than the topic, so it is written
 * before the topic is made and compared with it afterwards: a process that dies in between leaves a count too high,
 * which is put right when the quota is reached, and never one too low.
 */
export class TopicQuotas {
  readonly #redis: Commands;
  readonly #keys: Keys;
  readonly #topics: TopicStore;
  readonly #comparedAt = new Map<string, number>();

  constructor(redis: Commands, keys: Keys, topics: TopicStore) {
    this.#redis = redis;
    this.#keys = keys;
    this.#topics = topics;
  }

  async put(owner: TopicOwner, topic: string, history: Partial<History>): Promise<PutOutcome> {
    const before = await this.#made(topic);
    // Made by nobody: before keys were counted.
    const account = before === null ? owner.key : before.key;
    if (account !== '') {
      const size = history.size ?? before?.size ?? DEFAULT_HISTORY.size;
      const refused = await this.#count(account, topic, size, owner.quotaOf(account) ?? NO_QUOTA);
      if (refused !== null) return { kind: refused };
    }
    const outcome = await this.#topics.put(topic, history, owner.key);
    if (account !== '') await this.#settle(account, topic);
    return { kind: 'put', ...outcome };
  }

  async delete(topic: string): Promise<boolean> {
    const made = await this.#made(topic);
    const deleted = await this.#topics.delete(topic);
    if (made !== null && made.key !== '') await this.#settle(made.key, topic);
    return deleted;
  }

  async #count(key: string, topic: string, size: number, quota: TopicQuota): Promise<'topics' | 'history' | null> {
    const first = await this.#write(key, topic, size, quota);
    if (first === null || !(await this.#compare(key))) return first;
    return this.#write(key, topic, size, quota);
  }

  async #write(key: string, topic: string, size: number | null, quota: TopicQuota) {
    const args = [topic, size ?? '', Date.now(), quota.maxTopics ?? '', quota.maxHistoryMessages ?? ''];
    const answer = numberOf('count-topic', await run(this.#redis, countTopicScript, this.#account(key), args));
    if (answer === 0) return null;
    return answer === 1 ? 'topics' : 'history';
  }

  /** Makes the count agree with the topic: whoever writes last has looked after the other wrote. */
  async #settle(key: string, topic: string): Promise<void> {
    let counted: number | null | undefined;
    for (;;) {
      const made = await this.#made(topic);
      const size = made !== null && made.key === key ? made.size : null;
      if (size === counted) return;
      await this.#write(key, topic, size, NO_QUOTA);
      counted = size;
    }
  }

  /** Takes off what is counted and not there. False when that was looked at just now. */
  async #compare(key: string): Promise<boolean> {
    const now = performance.now();
    if (now - (this.#comparedAt.get(key) ?? -Infinity) < COMPARE_EVERY_MS) return false;
    this.#comparedAt.set(key, now);
    const counted = Object.entries(await asked(this.#redis.hgetall(this.#keys.keyTopics(key))));
    const due = Date.now() - ABANDONED_MS;
    const old = counted.filter(([, value]) => Number(value.split(' ')[1]) < due);
    for (let from = 0; from < old.length; from += AT_ONCE) {
      await Promise.all(
        old.slice(from, from + AT_ONCE).map(async ([topic]) => {
          if ((await this.#made(topic))?.key !== key) await this.#settle(key, topic);
        }),
      );
    }
    return true;
  }

  async #made(topic: string): Promise<Made | null> {
    const [size, key] = await asked(this.#redis.hmget(this.#keys.topic(topic), 'size', 'k'));
    return size ? { key: key ?? '', size: Number(size) } : null;
  }

  #account(key: string): string[] {
    return [this.#keys.key(key), this.#keys.keyTopics(key)];
  }
}
