import type { EdgeBroker } from '@holdfast/broker/broker';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Feeds } from './feeds.ts';
import { newTally } from './tally.ts';
import { MemoryRedis } from './testing/memory-redis.ts';
import { turns } from './testing/turns.ts';

const EDGE = 'edge-a';
/** Longer than a topic without a subscriber is heard, and than a quiet one goes unlooked at. */
const LONG_MS = 20_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function feedsOn(redis: MemoryRedis, broker: EdgeBroker = redis.broker()) {
  const tally = newTally();
  const ear = redis.ear(EDGE, {
    onTopic: (topic, payload) => feeds.onTopic(topic, payload),
    onOwn: () => undefined,
    onDoorbell: () => undefined,
    onHearing: (topics) => feeds.onHearing(topics),
    onDeaf: () => undefined,
  });
  const feeds = new Feeds(broker, ear, tally, () => undefined);
  return { feeds, ear, tally };
}

describe('the topics of an edge', () => {
  it('share one feed and one subscription for all who open a topic', async () => {
    const redis = new MemoryRedis();
    redis.topic('news');
    const { feeds, tally } = feedsOn(redis);
    const feed = feeds.open('news');
    expect(feeds.open('news')).toBe(feed);
    expect(await feed.ready).toBe(true);
    expect(feeds.size).toBe(1);
    expect(tally.resubscriptions).toBe(1);
  });

  it('are heard for a while after the last subscriber has gone, and then no more', async () => {
    const redis = new MemoryRedis();
    redis.topic('news');
    const { feeds, ear } = feedsOn(redis);
    const feed = feeds.open('news');
    await feed.ready;
    feed.release();
    await feeds.tend();
    expect(feeds.open('news')).toBe(feed);
    vi.advanceTimersByTime(LONG_MS);
    await feeds.tend();
    expect(ear.wanted).toContain('news');

    feed.release();
    vi.advanceTimersByTime(LONG_MS);
    await feeds.tend();
    expect(ear.wanted).not.toContain('news');
    expect(feeds.size).toBe(0);
    expect(feeds.open('news')).not.toBe(feed);
  });

  it('send what is said while they are being opened, without waiting for more', async () => {
    const redis = new MemoryRedis();
    redis.topic('news');
    const { feeds } = feedsOn(redis);
    const goOn = redis.hold();
    const feed = feeds.open('news');
    while (!redis.calls.includes('readTopics')) await turns(1);
    const ids = ['1', '2'].map((data) => redis.publish('news', data));
    goOn();
    await feed.ready;
    await turns(10);
    expect(feed.head).toBe(ids[1]);
  });

  it('that do not exist are over at once', async () => {
    const redis = new MemoryRedis();
    const { feeds, ear } = feedsOn(redis);
    const feed = feeds.open('nothing');
    expect(await feed.ready).toBe(false);
    feed.release();
    expect(feeds.size).toBe(0);
    expect(ear.wanted).not.toContain('nothing');
  });

  it('that stalled because Redis was away are tried again at the next beat', async () => {
    const redis = new MemoryRedis();
    redis.topic('news');
    const { feeds } = feedsOn(redis);
    redis.away = true;
    const feed = feeds.open('news');
    await turns(5);
    expect(feed.state).toBe('opening');
    redis.away = false;
    await feeds.tend();
    expect(await feed.ready).toBe(true);
  });

  it('from which nothing came for long are compared with Redis, and the others are not', async () => {
    const redis = new MemoryRedis();
    for (const topic of ['quiet', 'busy']) redis.topic(topic);
    const { feeds } = feedsOn(redis);
    const [quiet, busy] = [feeds.open('quiet'), feeds.open('busy')];
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

  it('end when Redis says so, and not by an old word of a topic that had the name before', async () => {
    const redis = new MemoryRedis();
    redis.topic('news');
    const { feeds } = feedsOn(redis);
    const feed = feeds.open('news');
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
    const { feeds } = feedsOn(redis);
    await feeds.open('news').ready;
    feeds.onTopic('news', { kind: 'count', question: 'q1' });
    feeds.onTopic('unknown', { kind: 'count', question: 'q2' });
    feeds.onTopic('news', { kind: 'foreign' });
    await turns(5);
    expect(redis.answers).toEqual([{ question: 'q1', payload: 0 }]);
  });
});
