import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { broadcast } from '../transport/broadcast.ts';
import { Topics } from './topics.ts';
import { newCounters, newLatencies } from '../counters.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { turns } from '../testing/turns.ts';

const EDGE = 'edge-a';
/** Longer than a topic without a subscriber stays subscribed, and than a quiet one goes without a comparison. */
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

function topicsOn(redis: MemoryRedis) {
  const counters = newCounters();
  const unsubscribed: string[] = [];
  const settings: string[] = [];
  const channels = redis.subscriber(EDGE, {
    onTopic: (name, payload) => topics.onTopic(name, payload),
    onOwn: () => undefined,
    onWakeUp: () => undefined,
    onSubscribed: (names) => topics.onSubscribed(names),
    onDisconnected: () => undefined,
  });
  const topics = new Topics({
    latencies: newLatencies(),
    broker: redis.broker(),
    channels,
    broadcast,
    counters,
    freshness: { isFresh: () => true, whenFresh: async () => undefined },
    onSettings: ({ name, settings: { expireSeconds } }) => settings.push(`${name} ${expireSeconds}`),
    onUnsubscribed: (clientId) => unsubscribed.push(clientId),
    onError: () => undefined,
  });
  /** The topic that has this name now. */
  const open = (name: string) => topics.open(name, redis.topic(name).incarnation);
  return { topics, open, channels, counters, unsubscribed, settings };
}

describe('the topics of an edge', () => {
  it('are opened once, however often they are asked for', async () => {
    const redis = new MemoryRedis();
    redis.topic('news');
    const { topics, open, counters } = topicsOn(redis);
    const topic = open('news');
    expect(open('news')).toBe(topic);
    expect(await topic.ready).toBe(true);
    expect(topics.size).toBe(1);
    expect(counters.resubscriptions).toBe(1);
  });

  it('stay subscribed for a while after the last subscriber has gone, and then no more', async () => {
    const redis = new MemoryRedis();
    redis.topic('news');
    const { topics, open, channels } = topicsOn(redis);
    const topic = open('news');
    await topic.ready;
    topic.release();
    await topics.tend();
    expect(open('news')).toBe(topic);
    vi.advanceTimersByTime(LONG_MS);
    await topics.tend();
    expect(channels.wanted).toContain('news');

    topic.release();
    vi.advanceTimersByTime(LONG_MS);
    await topics.tend();
    expect(channels.wanted).not.toContain('news');
    expect(topics.size).toBe(0);
    expect(open('news')).not.toBe(topic);
  });

  it('send what is published while they are being opened, without waiting for more', async () => {
    const redis = new MemoryRedis();
    redis.topic('news');
    const { open } = topicsOn(redis);
    const goOn = redis.hold();
    const topic = open('news');
    while (!redis.calls.includes('compareTopics')) await turns(1);
    const ids = ['1', '2'].map((data) => redis.publish('news', data));
    goOn();
    await topic.ready;
    await turns(10);
    expect(topic.lastSent).toBe(ids[1]);
  });

  it('lack what may have come while their live channels were not subscribed, until they are compared', async () => {
    const redis = new MemoryRedis();
    for (const name of ['news', 'other']) redis.topic(name);
    const { topics, open } = topicsOn(redis);
    const [news, other] = [open('news'), open('other')];
    await Promise.all([news.ready, other.ready]);
    expect([news.sequencer.complete, other.sequencer.complete]).toEqual([true, true]);
    vi.advanceTimersByTime(1);
    topics.onDisconnected(['news']);
    await topics.syncAll();
    expect([news.sequencer.complete, other.sequencer.complete]).toEqual([false, true]);
    vi.advanceTimersByTime(1);
    topics.onSubscribed(['news']);
    expect(news.sequencer.complete).toBe(false);
    await turns(10);
    expect(news.sequencer.complete).toBe(true);
  });

  it('that have a name that is subscribed already lack nothing once they are open', async () => {
    const redis = new MemoryRedis();
    redis.topic('news');
    const { open } = topicsOn(redis);
    await open('news').ready;
    redis.topics.delete('news');
    redis.topic('news');
    const next = open('news');
    await next.ready;
    await turns(10);
    expect(next.sequencer.complete).toBe(true);
  });

  it('that do not exist are over at once', async () => {
    const redis = new MemoryRedis();
    const { topics, channels } = topicsOn(redis);
    const topic = topics.open('nothing', '1');
    expect(await topic.ready).toBe(false);
    topic.release();
    expect(topics.size).toBe(0);
    expect(channels.wanted).not.toContain('nothing');
  });

  it('that stalled because Redis was away are tried again at the next beat', async () => {
    const redis = new MemoryRedis();
    redis.topic('news');
    const { topics, open } = topicsOn(redis);
    redis.away = true;
    const topic = open('news');
    await turns(5);
    expect(topic.state).toBe('opening');
    redis.away = false;
    await topics.tend();
    expect(await topic.ready).toBe(true);
  });

  it('that have expired are open and without messages, and go on when they come back', async () => {
    const redis = new MemoryRedis();
    const last = redis.publish('room', '1');
    redis.expireTopic('room');
    const { open } = topicsOn(redis);
    const topic = open('room');
    expect(await topic.ready).toBe(true);
    expect(topic.lastSent).toBe(last);
    redis.putTopic('room', { expireSeconds: 60 });
    const id = redis.publish('room', '2');
    await turns(10);
    expect(topic.lastSent).toBe(id);
    expect(topic.settings.expireSeconds).toBe(60);
  });

  it('report their settings when they open, when Redis says that they changed, and when a comparison finds it', async () => {
    const redis = new MemoryRedis();
    redis.putTopic('plain');
    redis.topic('room').settings = { expireSeconds: 60, presence: null };
    const { topics, open, settings } = topicsOn(redis);
    const room = open('room');
    await Promise.all([open('plain').ready, room.ready]);
    expect(settings).toEqual(['room 60']);
    redis.putTopic('room', { expireSeconds: 90 });
    await turns(5);
    expect(settings).toEqual(['room 60', 'room 90']);
    redis.topic('room').settings = { expireSeconds: null, presence: null };
    await topics.syncAll();
    expect(settings).toEqual(['room 60', 'room 90', 'room null']);
  });

  it('whose settings could not be read are asked for again at the next beat', async () => {
    const redis = new MemoryRedis();
    redis.topic('room');
    const { topics, open } = topicsOn(redis);
    const room = open('room');
    await room.ready;
    redis.failing.add('readTopics');
    redis.putTopic('room', { expireSeconds: 90 });
    await turns(5);
    expect(room.settings.expireSeconds).toBeNull();
    redis.failing.clear();
    await topics.tend();
    await turns(5);
    expect(room.settings.expireSeconds).toBe(90);
  });

  it('that expire are noted as in use until they are closed, the others cost no call', async () => {
    const redis = new MemoryRedis();
    redis.topic('plain');
    redis.putTopic('room');
    redis.putTopic('room', { expireSeconds: 60 });
    const { topics, open } = topicsOn(redis);
    const opened = ['plain', 'room'].map((name) => open(name));
    for (const topic of opened) await topic.ready;
    for (const topic of opened) topic.release();
    await topics.tend();
    expect(redis.touched).toEqual([]);
    vi.advanceTimersByTime(LONG_MS);
    await topics.tend();
    expect(topics.size).toBe(0);
    expect(redis.touched).toEqual(['room']);
  });

  it('from which nothing came for long are compared with Redis, and the others are not', async () => {
    const redis = new MemoryRedis();
    for (const topic of ['quiet', 'busy']) redis.topic(topic);
    const { topics, open } = topicsOn(redis);
    const [quiet, busy] = [open('quiet'), open('busy')];
    await Promise.all([quiet.ready, busy.ready]);
    const missed = redis.publish('quiet', '1', { live: false });
    await topics.tend();
    await turns(10);
    expect(quiet.lastSent).not.toBe(missed);

    vi.advanceTimersByTime(LONG_MS);
    redis.publish('busy', '1');
    redis.publish('busy', '2', { live: false });
    await topics.tend();
    await turns(10);
    expect(quiet.lastSent).toBe(missed);
    expect(busy.lastSent).not.toBe(redis.topic('busy').last);
  });

  it('are compared each in turn, also when very many are quiet', async () => {
    const COUNT = 6000;
    const redis = new MemoryRedis();
    const { topics, open } = topicsOn(redis);
    const all = Array.from({ length: COUNT }, (_, index) => open(`t${index}`));
    await Promise.all(all.map(({ ready }) => ready));
    for (const { name } of all) redis.publish(name, '1', { live: false });
    for (let beat = 0; beat <= ROUND_MS / BEAT_MS; beat += 1) {
      vi.advanceTimersByTime(BEAT_MS);
      await topics.tend();
    }
    const isCurrent = ({ name, sequencer }: (typeof all)[0]) => sequencer.lastReceived === redis.topic(name).last;
    for (let round = 0; round < 100 && !all.every(isCurrent); round += 1) await turns(50);
    expect(all.filter((topic) => !isCurrent(topic)).length).toBe(0);
  });

  it('are compared each in turn while others come and go', async () => {
    const redis = new MemoryRedis();
    const { topics, open } = topicsOn(redis);
    const all = Array.from({ length: 100 }, (_, index) => open(`t${index}`));
    await Promise.all(all.map(({ ready }) => ready));
    for (const { name } of all) redis.publish(name, '1', { live: false });
    for (let beat = 0; beat <= ROUND_MS / BEAT_MS; beat += 1) {
      vi.advanceTimersByTime(BEAT_MS);
      for (let count = 0; count < 5; count += 1) open(`other-${beat}-${count}`);
      redis.deleteTopic(`other-${beat - 1}-0`);
      await topics.tend();
    }
    await turns(100);
    for (const { name, sequencer } of all) expect(sequencer.lastReceived).toBe(redis.topic(name).last);
  });

  it('that could not be compared are tried again at the next beat', async () => {
    const redis = new MemoryRedis();
    const { topics, open } = topicsOn(redis);
    const topic = open('news');
    await topic.ready;
    const id = redis.publish('news', '1', { live: false });
    vi.advanceTimersByTime(LONG_MS);
    redis.away = true;
    await expect(topics.tend()).rejects.toThrow('Redis does not answer');
    redis.away = false;
    await topics.tend();
    await turns(10);
    expect(topic.lastSent).toBe(id);
  });

  it('of one name and two incarnations are kept apart', async () => {
    const redis = new MemoryRedis();
    const { topics, open, channels } = topicsOn(redis);
    const old = open('news');
    await old.ready;
    // It is made anew while nothing is received.
    redis.topics.delete('news');
    const topic = open('news');
    expect(topic).not.toBe(old);
    expect(await topic.ready).toBe(true);
    const id = redis.publish('news', '1');
    await turns(10);
    expect(topic.lastSent).toBe(id);
    // The message of the new one shows the old one that it is over.
    expect(old.state).toBe('gone');
    expect(old.lastSent).not.toBe(id);
    expect(topics.size).toBe(1);
    expect(channels.wanted).toContain('news');
  });

  it('end when Redis reports that, and not by an old message of a topic that had the name before', async () => {
    const redis = new MemoryRedis();
    redis.topic('news');
    const { topics, open } = topicsOn(redis);
    const topic = open('news');
    await topic.ready;
    topics.onTopic('news', { kind: 'deleted' });
    await turns(10);
    expect(topic.state).toBe('open');
    redis.deleteTopic('news');
    await turns(10);
    expect(topic.state).toBe('gone');
    expect(topics.size).toBe(0);
  });

  it('answer with the number of their subscribers', async () => {
    const redis = new MemoryRedis();
    redis.topic('news');
    const { topics, open } = topicsOn(redis);
    await open('news').ready;
    topics.onTopic('news', { kind: 'count', surveyId: 'q1' });
    topics.onTopic('unknown', { kind: 'count', surveyId: 'q2' });
    topics.onTopic('news', { kind: 'foreign' });
    await turns(5);
    // A topic that is being left is still subscribed at Redis, and whoever asks waits for an answer.
    expect(redis.answers).toEqual([
      { surveyId: 'q1', payload: 0 },
      { surveyId: 'q2', payload: 0 },
    ]);
  });
});
