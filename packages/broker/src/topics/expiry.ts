import type { Commands } from '@holdfast/redis/commands';
import { asked, run } from '@holdfast/redis/script';
import type { Keys } from '../keys.ts';
import { LISTENING } from '../live/payload.ts';
import { answerOf, numberOf, text } from '../lua/replies.ts';
import { loadScript } from '../lua/scripts.ts';
import { DORMANT_MS } from './state.ts';

const expireTopicScript = loadScript('expire-topic');
const touchTopicScript = loadScript('touch-topic');

/** A topic that is looked at more often costs more than it frees. */
const SOONEST_MS = 250;
/** What could not be looked at, because its node of a Cluster is away or the process died, is not due again before. */
const RETRY_MS = 10_000;

/** A topic that has expired, and the API key that made it; '' for none. */
interface Expired {
  topic: string;
  key: string;
}

/**
 * Topics that expire, by the time at which they are to be looked at. The index lies in another Cluster slot than they do: a
 * topic is listed before it is made, and is taken off after all else; whoever writes to the index looks again afterwards.
 */
export type ExpiryStore = ReturnType<typeof expiryStore>;

export function expiryStore(redis: Commands, keys: Keys) {
  /** Lists a topic that is about to expire after so many seconds, at the latest then. */
  async function listExpiring(topic: string, expireSeconds: number): Promise<void> {
    await asked(redis.zadd(keys.topicsExpiring(), 'LT', Date.now() + expireSeconds * 1000, topic));
  }

  /** Topics that are due, at most `limit`; they are due again only after a while, for this process and for all others. */
  async function takeDue(limit: number): Promise<string[]> {
    const now = Date.now();
    const index = keys.topicsExpiring();
    const due = await asked(redis.zrangebyscore(index, '-inf', now, 'LIMIT', 0, limit));
    if (due.length > 0) await asked(redis.zadd(index, 'XX', ...due.flatMap((topic) => [now + RETRY_MS, topic])));
    return due;
  }

  /** Makes a topic dormant if it is time; if not, it is due again when it may be. */
  async function expireIfUnused(topic: string): Promise<Expired | null> {
    const args = [keys.topicLive(topic), LISTENING, DORMANT_MS, SOONEST_MS];
    const touched = [keys.topic(topic), keys.topicLog(topic)];
    const answer = answerOf('expire-topic', await run(redis, expireTopicScript, touched, args));
    if (answer.kind === 2) return { topic, key: text(answer.rest[0]) };
    const [expire, inMs] = answer.rest;
    await schedule(topic, answer.kind === 0 ? null : { expire: text(expire), inMs: Number(inMs) });
    return null;
  }

  /** Takes off a topic that does not expire any more, or has expired. */
  function unlistExpired(topic: string): Promise<void> {
    return schedule(topic, null);
  }

  async function schedule(topic: string, next: { expire: string; inMs: number } | null): Promise<void> {
    const index = keys.topicsExpiring();
    for (let now = next; ;) {
      await (now === null ? asked(redis.zrem(index, topic)) : asked(redis.zadd(index, Date.now() + now.inMs, topic)));
      const expire = await asked(redis.hget(keys.topic(topic), 'expire'));
      if (expire === (now?.expire ?? null)) return;
      now = expire === null ? null : { expire, inMs: Number(expire) * 1000 };
    }
  }

  async function touchTopic(topic: string): Promise<void> {
    numberOf('touch-topic', await run(redis, touchTopicScript, [keys.topic(topic)], []));
  }

  return { listExpiring, takeDue, expireIfUnused, unlistExpired, touchTopic };
}
