import type { Keys } from '../keys.ts';
import { DEFAULT_HISTORY } from '@holdfast/protocol/limits';
import type { PutOutcome, TopicOwner, TopicQuota, TopicSettings } from '../broker.ts';
import type { Commands } from '@holdfast/redis/commands';
import { updateIndex } from '../sorted-index.ts';
import { numberOf } from '../lua/replies.ts';
import { asked, run } from '@holdfast/redis/script';
import { loadScript } from '../lua/scripts.ts';
import type { ExpiryStore } from './expiry.ts';
import { topicEntry } from './topic-index.ts';
import type { TopicStore } from './topics.ts';

const countTopicScript = loadScript('count-topic');

/** What was counted so long ago and does not exist was left by a process that died: no call takes this long. */
const ABANDONED_MS = 60_000;
/** How often at most a key's count is compared with what there is. */
const COMPARE_EVERY_MS = 5_000;
/** Topics read at a time. */
const MAX_BATCH = 100;
const NO_QUOTA: TopicQuota = { maxTopics: null, maxHistoryMessages: null };

/** Which API key made a topic. */
interface Maker {
  key: string;
  size: number;
}

/**
 * Topics are counted for the key that made them. The count lies in another Cluster slot than the topic, so it is written
 * before the topic is made and compared with it afterwards: a process that dies in between leaves a count too high,
 * which is put right when the quota is reached, and never one too low.
 */
export function quotaStore(redis: Commands, keys: Keys, topics: TopicStore, expiry: ExpiryStore) {
  const comparedAt = new Map<string, number>();

  function putTopicOf(owner: TopicOwner, topic: string, settings: TopicSettings): Promise<PutOutcome> {
    return put(owner, topic, settings, false);
  }

  function createTopicOf(owner: TopicOwner, topic: string, settings: TopicSettings): Promise<PutOutcome> {
    return put(owner, topic, settings, true);
  }

  async function put(owner: TopicOwner, topic: string, settings: TopicSettings, leave: boolean): Promise<PutOutcome> {
    const before = await makerOf(topic);
    // Made by no key: before topics were counted by key.
    const account = before === null ? owner.key : before.key;
    if (account !== '') {
      const kept = leave ? before?.size : undefined;
      const size = kept ?? settings.size ?? before?.size ?? DEFAULT_HISTORY.size;
      const refused = await count(account, topic, size, owner.quotaOf(account) ?? NO_QUOTA);
      if (refused !== null) return { kind: refused };
    }
    const outcome = await topics.putTopic(topic, settings, owner.key, leave);
    if (account !== '') await correct(account, topic);
    return { kind: 'put', ...outcome };
  }

  async function deleteTopic(topic: string): Promise<boolean> {
    const maker = await makerOf(topic);
    const deleted = await topics.deleteTopic(topic);
    if (maker !== null && maker.key !== '') await correct(maker.key, topic);
    return deleted;
  }

  /** Rejects with the first failure after all else has been done: on a Cluster topics are on different nodes. */
  async function expireTopics(limit: number): Promise<number> {
    const outcomes = await Promise.allSettled((await expiry.takeDue(limit)).map((topic) => expireTopic(topic)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value).length;
  }

  /** A process that dies in here leaves the topic on the index of those that expire, and the rest is done by the next. */
  async function expireTopic(topic: string): Promise<boolean> {
    const expired = await expiry.expireIfUnused(topic);
    if (expired === null) return false;
    await updateIndex(redis, topicEntry(redis, keys, topic), false);
    if (expired.key !== '') await correct(expired.key, topic);
    await expiry.unlistExpired(topic);
    return true;
  }

  async function count(
    key: string,
    topic: string,
    size: number,
    quota: TopicQuota,
  ): Promise<'topics' | 'history' | null> {
    const first = await write(key, topic, size, quota);
    if (first === null || !(await compare(key))) return first;
    return write(key, topic, size, quota);
  }

  async function write(key: string, topic: string, size: number | null, quota: TopicQuota) {
    const args = [topic, size ?? '', Date.now(), quota.maxTopics ?? '', quota.maxHistoryMessages ?? ''];
    const answer = numberOf('count-topic', await run(redis, countTopicScript, accountOf(key), args));
    if (answer === 0) return null;
    return answer === 1 ? 'topics' : 'history';
  }

  /** Makes the count agree with the topic: of two that write, the last one has read after the other wrote. */
  async function correct(key: string, topic: string): Promise<void> {
    let counted: number | null | undefined;
    for (;;) {
      const maker = await makerOf(topic);
      const size = maker !== null && maker.key === key ? maker.size : null;
      if (size === counted) return;
      await write(key, topic, size, NO_QUOTA);
      counted = size;
    }
  }

  /** Takes off what is counted and does not exist. False when that was done just now. */
  async function compare(key: string): Promise<boolean> {
    const now = performance.now();
    if (now - (comparedAt.get(key) ?? -Infinity) < COMPARE_EVERY_MS) return false;
    comparedAt.set(key, now);
    const counted = Object.entries(await asked(redis.hgetall(keys.keyTopics(key))));
    const due = Date.now() - ABANDONED_MS;
    const old = counted.filter(([, value]) => Number(value.split(' ')[1]) < due);
    for (let from = 0; from < old.length; from += MAX_BATCH) {
      await Promise.all(
        old.slice(from, from + MAX_BATCH).map(async ([topic]) => {
          if ((await makerOf(topic))?.key !== key) await correct(key, topic);
        }),
      );
    }
    return true;
  }

  async function makerOf(topic: string): Promise<Maker | null> {
    const [size, key, gone] = await asked(redis.hmget(keys.topic(topic), 'size', 'k', 'gone'));
    return size && !gone ? { key: key ?? '', size: Number(size) } : null;
  }

  function accountOf(key: string): string[] {
    return [keys.key(key), keys.keyTopics(key)];
  }

  return { putTopicOf, createTopicOf, deleteTopic, expireTopics };
}
