import { randomUUID } from 'node:crypto';
import { eventually } from '@holdfast/testkit/eventually';
import type { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { enableKeyspaceEvents } from './keyspace-events.ts';
import { liveSubscriber } from './subscriber.ts';
import { openBroker, openRedis } from '../testing/brokers.ts';

const { redis, keys, control, edge } = await openBroker();

/** A subscriber with all that it reported, in order. */
async function listen(id: string = randomUUID(), subscriber?: Redis) {
  const connection = subscriber ?? (await openRedis('subscriber'));
  const events: string[] = [];
  const subscribed = new Set<string>();
  /** Topics whose connection was reported as gone. */
  const disconnected: string[] = [];
  const channels = liveSubscriber({ kind: 'one', openSubscriber: () => connection }, keys, id, {
    onTopic: (topic, payload) =>
      events.push(`${topic} ${payload.kind === 'message' ? String(payload.data) : payload.kind}`),
    onOwn: (payload) => events.push(payload.kind === 'probe' ? `own ${payload.nonce}` : `own ${payload.kind}`),
    onWakeUp: () => events.push('wake-up'),
    onSubscribed: (topics) => {
      for (const topic of topics) {
        subscribed.add(topic);
        events.push(`subscribed ${topic}`);
      }
    },
    onDisconnected: (topics) => {
      disconnected.push(...topics);
      subscribed.clear();
      events.push('disconnected');
    },
  });
  const stop = channels.start();
  onTestFinished(() => {
    stop();
    connection.disconnect();
  });
  return { id, channels, connection, events, subscribed, disconnected };
}

/** Topics that no other test has: their channels are on one Redis. */
function someTopics(count: number): string[] {
  const name = randomUUID();
  return Array.from({ length: count }, (_, index) => `${name}.${index}`);
}
const publishLive = (topic: string, text: string) => redis.spublish(keys.topicLive(topic), `1-0 2-0 ${text}`);
/** What a Redis does with a subscriber that does not keep up. */
async function cut(connection: Redis): Promise<void> {
  const id = await eventually(() => connection.client('ID'));
  const gone = Promise.withResolvers<void>();
  // Not events.once: a reset comes as an error first.
  connection.once('close', () => gone.resolve());
  await redis.call('CLIENT', 'KILL', 'ID', String(id));
  await gone.promise;
}

async function subscribers(topics: readonly string[]): Promise<number[]> {
  const counts = (await redis.call(
    'PUBSUB',
    'SHARDNUMSUB',
    ...topics.map((topic) => keys.topicLive(topic)),
  )) as unknown[];
  return counts.filter((_, index) => index % 2 === 1).map(Number);
}

describe('a subscriber', () => {
  test('reports a topic as subscribed, then what is published on it', async () => {
    const { channels, events, subscribed } = await listen();
    channels.subscribe('news');
    await eventually(() => expect(subscribed).toContain('news'));
    await control.putTopic('news', {});
    await control.publish('news', Buffer.from('{"a":"ü"}'));
    await control.deleteTopic('news');
    const ofNews = () => events.filter((event) => event.includes('news'));
    await eventually(() => expect(ofNews()).toEqual(['subscribed news', 'news {"a":"ü"}', 'news deleted']));
  });

  test('never calls from within: what is wanted is confirmed later', async () => {
    const { channels, events } = await listen();
    const before = events.length;
    channels.subscribe('news');
    expect(events).toHaveLength(before);
  });

  test('receives its own channel, and its wake-up when a client is notified', async () => {
    expect(await enableKeyspaceEvents(redis)).toBeNull();
    const { id, events } = await listen();
    await eventually(() => expect(events).toEqual(['wake-up']));
    expect(await edge.sendProbe(id, 'n1')).toBe(1);
    await eventually(() => expect(events).toEqual(['wake-up', 'own n1']));
    await edge.notify([id], 'a');
    await eventually(() => expect(events).toEqual(['wake-up', 'own n1', 'wake-up']));
    expect(await edge.sendProbe(randomUUID(), 'n2')).toBe(0);
  });

  test('does not receive what it no longer wants', async () => {
    const { channels, events, subscribed } = await listen();
    channels.subscribe('one');
    channels.subscribe('two');
    await eventually(() => expect(subscribed.size).toBe(2));
    channels.unsubscribe('one');
    await eventually(async () => expect(await subscribers(['one', 'two'])).toEqual([0, 1]));
    await publishLive('one', 'x');
    await publishLive('two', 'y');
    await eventually(() => expect(events).toContain('two y'));
    expect(events).not.toContain('one x');
  });

  test('is silent about a topic from the moment it does not want it, though Redis may still send', async () => {
    const { channels, events, subscribed } = await listen();
    channels.subscribe('one');
    channels.subscribe('two');
    await eventually(() => expect(subscribed.size).toBe(2));
    const published = [publishLive('one', 'x'), publishLive('two', 'y')];
    channels.unsubscribe('one');
    await Promise.all(published);
    await eventually(() => expect(events).toContain('two y'));
    expect(events).not.toContain('one x');
  });

  test('takes 1,000 topics at once', async () => {
    const { channels, events, subscribed } = await listen();
    const topics = someTopics(1000);
    for (const topic of topics) channels.subscribe(topic);
    await eventually(() => expect(subscribed.size).toBe(1000));
    await Promise.all(topics.map((topic) => publishLive(topic, 'x')));
    await eventually(() => expect(events.filter((event) => event.endsWith(' x'))).toHaveLength(1000));
    for (const topic of topics) channels.unsubscribe(topic);
    await eventually(async () => expect(new Set(await subscribers(topics))).toEqual(new Set([0])));
  });

  test('subscribes to what it wants again in the same tick, among many that it does not', async () => {
    const { channels, subscribed } = await listen();
    const topics = someTopics(300);
    for (const topic of topics) channels.subscribe(topic);
    await eventually(() => expect(subscribed.size).toBe(300));
    for (const topic of topics) channels.unsubscribe(topic);
    channels.subscribe(topics.at(-1) ?? '');
    const wanted = topics.map((_, index) => (index === topics.length - 1 ? 1 : 0));
    await eventually(async () => expect(await subscribers(topics)).toEqual(wanted));
  });

  test('ends with what was wanted last, however often it changed', async () => {
    const { channels, subscribed, connection } = await listen();
    const topics = someTopics(300);
    const wanted = new Set<string>();
    for (let round = 0; round < 40; round += 1) {
      for (const [index, topic] of topics.entries()) {
        if ((index * 7 + round * 13) % 5 > 1) continue;
        if (wanted.delete(topic)) channels.unsubscribe(topic);
        else {
          wanted.add(topic);
          channels.subscribe(topic);
        }
      }
      // Some changes fall into one tick, some between request and answer, some into a lost connection.
      if (round % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (round % 5 === 0) await redis.ping();
      if (round % 20 === 10) await cut(connection);
    }
    await eventually(async () => {
      expect(await subscribers(topics)).toEqual(topics.map((topic) => (wanted.has(topic) ? 1 : 0)));
      expect([...wanted].filter((topic) => !subscribed.has(topic))).toEqual([]);
    });
  });
});

describe('a subscriber whose connection is lost', () => {
  test('reports the loss, then every topic it wants as subscribed again, and receives', async () => {
    const { channels, events, subscribed, disconnected, connection } = await listen();
    const topics = someTopics(500);
    const [dropped = '', wanted = ''] = topics;
    for (const topic of topics) channels.subscribe(topic);
    await eventually(() => expect(subscribed.size).toBe(500));
    channels.unsubscribe(dropped);
    const before = events.length;
    await cut(connection);
    await eventually(() => expect(subscribed.size).toBe(499));
    const since = events.slice(before);
    expect(since[0]).toBe('disconnected');
    expect(disconnected.toSorted()).toEqual(topics.filter((topic) => topic !== dropped).toSorted());
    expect(since.filter((event) => event.startsWith('subscribed '))).toHaveLength(499);
    expect(since).not.toContain(`subscribed ${dropped}`);
    await publishLive(wanted, 'x');
    await eventually(() => expect(events).toContain(`${wanted} x`));
  });

  test('wakes the edge when it is back: clients may have been notified meanwhile', async () => {
    const { id, events, connection } = await listen();
    await eventually(() => expect(events).toEqual(['wake-up']));
    await cut(connection);
    await eventually(() => expect(events).toEqual(['wake-up', 'disconnected', 'wake-up']));
    expect(await edge.sendProbe(id, 'n')).toBe(1);
    await eventually(() => expect(events).toEqual(['wake-up', 'disconnected', 'wake-up', 'own n']));
  });

  test('comes back as often as it is lost, also when it replaces the connection itself', async () => {
    const { channels, events, subscribed, connection } = await listen();
    for (const topic of someTopics(50)) channels.subscribe(topic);
    for (let round = 0; round < 20; round += 1) {
      await eventually(() => expect(subscribed.size).toBe(50));
      if (round % 2 === 0) channels.reconnect({ server: 'Redis', name: '' });
      else await cut(connection);
      await eventually(() => expect(events.filter((event) => event === 'disconnected').length).toBeGreaterThan(round));
    }
    await eventually(() => expect(subscribed.size).toBe(50));
  });

  test('takes changes meanwhile', async () => {
    const { channels, subscribed, connection } = await listen();
    channels.subscribe('old');
    await eventually(() => expect(subscribed).toContain('old'));
    channels.reconnect({ server: 'Redis', name: '' });
    await eventually(() => expect(connection.status).not.toBe('ready'));
    channels.subscribe('new');
    channels.unsubscribe('old');
    await eventually(() => expect(subscribed).toEqual(new Set(['new'])));
    expect(await subscribers(['old', 'new'])).toEqual([0, 1]);
  });
});

describe('a subscriber that is stopped', () => {
  test('reports nothing more', async () => {
    const connection = await openRedis('subscriber');
    const events: string[] = [];
    const listener = {
      onTopic: () => events.push('topic'),
      onOwn: () => events.push('own'),
      onWakeUp: () => events.push('wake-up'),
      onSubscribed: () => events.push('subscribed'),
      onDisconnected: () => events.push('disconnected'),
    };
    const id = randomUUID();
    const channels = liveSubscriber({ kind: 'one', openSubscriber: () => connection }, keys, id, listener);
    const stop = channels.start();
    channels.subscribe('news');
    await eventually(() => expect(events).toContain('subscribed'));
    stop();
    const before = events.length;
    channels.subscribe('sport');
    await publishLive('news', 'x');
    await edge.sendProbe(id, 'n');
    await connection.ping();
    await cut(connection);
    await eventually(() => expect(connection.status).toBe('ready'));
    await connection.ping();
    expect(events).toHaveLength(before);
  });
});
