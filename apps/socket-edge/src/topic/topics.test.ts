import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Connection } from '../connection/connection.ts';
import { Topics } from './topics.ts';
import { newCounters } from '../counters.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { turns } from '../testing/turns.ts';

const EDGE = 'edge-a';
/** Longer than a topic without a subscriber is heard, and than a quiet one goes unlooked at. */
const LONG_MS = 20_000;
/** In so long every quiet topic is compared once. */
const ROUND_MS = 10_000;
const BEAT_MS = 1000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function feedsOn(redis: MemoryRedis) {
  const counters = newCounters();
  const takenOff: Connection[] = [];
  const ear = redis.ear(EDGE, {
    onTopic: (topic, payload) => feeds.onTopic(topic, payload),
    onOwn: () => undefined,
    onDoorbell: () => undefined,
    onHearing: (topics) => feeds.onHearing(topics),
    onDeaf: () => undefined,
  });
  const feeds = new Topics({
    broker: redis.broker(),
    ear,
    counters,
    freshness: { isFresh: () => true, whenFresh: async () => undefined },
    onTakenOff: (connection) => takenOff.push(connection),
    onError: () => undefined,
  });
  /** The feed of the topic that has this name now. */
  const open = (topic: string) => feeds.open(topic, redis.topic(topic).incarnation);
  return { feeds, open, ear, counters, takenOff };
}

describe('the topics of an edge', () => {
  it('share one feed and one subscription for all who open a topic', async () => {
    const redis = new MemoryRedis();
    redis.topic('news');
    const { feeds, open, counters } = feedsOn(redis);
    const feed = open('news');
    expect(open('news')).toBe(feed);
    expect(await feed.ready).toBe(true);
    expect(feeds.size).toBe(1);
    expect(counters.resubscriptions).toBe(1);
  });

  it('are heard for a while after the last subscriber has gone, and then no more', async () => {
    const redis = new MemoryRedis();
    redis.topic('news');
    const { feeds, open, ear } = feedsOn(redis);
    const feed = open('news');
    await feed.ready;
    feed.release();
    await feeds.tend();
    expect(open('news')).toBe(feed);
    vi.advanceTimersByTime(LONG_MS);
    await feeds.tend();
    expect(ear.wanted).toContain('news');

    feed.release();
    vi.advanceTimersByTime(LONG_MS);
    await feeds.tend();
    expect(ear.wanted).not.toContain('news');
    expect(feeds.size).toBe(0);
    expect(open('news')).not.toBe(feed);
  });

  it('send what is said while they are being opened, without waiting for more', async () => {
    const redis = new MemoryRedis();
    redis.topic('news');
    const { open } = feedsOn(redis);
    const goOn = redis.hold();
    const feed = open('news');
    while (!redis.calls.includes('compareTopics')) await turns(1);
    const ids = ['1', '2'].map((data) => redis.publish('news', data));
    goOn();
    await feed.ready;
    await turns(10);
    expect(feed.head).toBe(ids[1]);
  });

  it('that do not exist are over at once', async () => {
    const redis = new MemoryRedis();
    const { feeds, ear } = feedsOn(redis);
    const feed = feeds.open('nothing', '1');
    expect(await feed.ready).toBe(false);
    feed.release();
    expect(feeds.size).toBe(0);
    expect(ear.wanted).not.toContain('nothing');
  });

  it('that stalled because Redis was away are tried again at the next beat', async () => {
    const redis = new MemoryRedis();
    redis.topic('news');
    const { feeds, open } = feedsOn(redis);
    redis.away = true;
    const feed = open('news');
    await turns(5);
    expect(feed.state).toBe('opening');
    redis.away = false;
    await feeds.tend();
    expect(await feed.ready).toBe(true);
  });

  it('from which nothing came for long are compared with Redis, and the others are not', async () => {
    const redis = new MemoryRedis();
    for (const topic of ['quiet', 'busy']) redis.topic(topic);
    const { feeds, open } = feedsOn(redis);
    const [quiet, busy] = [open('quiet'), open('busy')];
    await Promise.all([quiet.ready, busy.ready]);
    const unheard = redis.publish('quiet', '1', { heard: false });
    await feeds.tend();
    await turns(10);
    expect(quiet.head).not.toBe(unheard);

    vi.advanceTimersByTime(LONG_MS);
    redis.publish('busy', '1');
    redis.publish('busy', '2', { heard: false });
    await feeds.tend();
    await turns(10);
    expect(quiet.head).toBe(unheard);
    expect(busy.head).not.toBe(redis.topic('busy').last);
  });

  it('are compared each in turn, also when very many are quiet', async () => {
    const COUNT = 6000;
    const redis = new MemoryRedis();
    const { feeds, open } = feedsOn(redis);
    const all = Array.from({ length: COUNT }, (_, index) => open(`t${index}`));
    await Promise.all(all.map(({ ready }) => ready));
    for (const { topic } of all) redis.publish(topic, '1', { heard: false });
    for (let beat = 0; beat <= ROUND_MS / BEAT_MS; beat += 1) {
      vi.advanceTimersByTime(BEAT_MS);
      await feeds.tend();
    }
    const isCurrent = ({ topic, lastReceived }: (typeof all)[0]) => lastReceived === redis.topic(topic).last;
    for (let round = 0; round < 100 && !all.every(isCurrent); round += 1) await turns(50);
    expect(all.filter((feed) => !isCurrent(feed)).length).toBe(0);
  });

  it('are compared each in turn while others come and go', async () => {
    const redis = new MemoryRedis();
    const { feeds, open } = feedsOn(redis);
    const all = Array.from({ length: 100 }, (_, index) => open(`t${index}`));
    await Promise.all(all.map(({ ready }) => ready));
    for (const { topic } of all) redis.publish(topic, '1', { heard: false });
    for (let beat = 0; beat <= ROUND_MS / BEAT_MS; beat += 1) {
      vi.advanceTimersByTime(BEAT_MS);
      for (let count = 0; count < 5; count += 1) open(`other-${beat}-${count}`);
      redis.deleteTopic(`other-${beat - 1}-0`);
      await feeds.tend();
    }
    await turns(100);
    for (const { topic, lastReceived } of all) expect(lastReceived).toBe(redis.topic(topic).last);
  });

  it('that could not be compared are tried again at the next beat', async () => {
    const redis = new MemoryRedis();
    const { feeds, open } = feedsOn(redis);
    const feed = open('news');
    await feed.ready;
    const id = redis.publish('news', '1', { heard: false });
    vi.advanceTimersByTime(LONG_MS);
    redis.away = true;
    await expect(feeds.tend()).rejects.toThrow('Redis does not answer');
    redis.away = false;
    await feeds.tend();
    await turns(10);
    expect(feed.head).toBe(id);
  });

  it('of one name and two incarnations are kept apart', async () => {
    const redis = new MemoryRedis();
    const { feeds, open, ear } = feedsOn(redis);
    const old = open('news');
    await old.ready;
    // It is made anew while nothing is heard.
    redis.topics.delete('news');
    const feed = open('news');
    expect(feed).not.toBe(old);
    expect(await feed.ready).toBe(true);
    const id = redis.publish('news', '1');
    await turns(10);
    expect(feed.head).toBe(id);
    // The message of the new one shows the old one that it is over.
    expect(old.state).toBe('gone');
    expect(old.head).not.toBe(id);
    expect(feeds.size).toBe(1);
    expect(ear.wanted).toContain('news');
  });

  it('end when Redis says so, and not by an old word of a topic that had the name before', async () => {
    const redis = new MemoryRedis();
    redis.topic('news');
    const { feeds, open } = feedsOn(redis);
    const feed = open('news');
    await feed.ready;
    feeds.onTopic('news', { kind: 'deleted' });
    await turns(10);
    expect(feed.state).toBe('open');
    redis.deleteTopic('news');
    await turns(10);
    expect(feed.state).toBe('gone');
    expect(feeds.size).toBe(0);
  });

  it('say how many subscribers they have', async () => {
    const redis = new MemoryRedis();
    redis.topic('news');
    const { feeds, open } = feedsOn(redis);
    await open('news').ready;
    feeds.onTopic('news', { kind: 'count', question: 'q1' });
    feeds.onTopic('unknown', { kind: 'count', question: 'q2' });
    feeds.onTopic('news', { kind: 'foreign' });
    await turns(5);
    // A topic that is being left is still subscribed at Redis, and whoever asks waits for an answer.
    expect(redis.answers).toEqual([
      { question: 'q1', payload: 0 },
      { question: 'q2', payload: 0 },
    ]);
  });
});
