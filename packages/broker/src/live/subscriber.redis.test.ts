import { randomUUID } from 'node:crypto';
import { eventually } from '@holdfast/testkit/eventually';
import type { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { enableKeyspaceEvents } from './keyspace-events.ts';
import { liveSubscriber } from './subscriber.ts';
import { openBroker, openRedis } from '../testing/brokers.ts';

const { redis, keys, control, edge } = await openBroker();

/** An ear with all that it was told, in order. */
async function listen(id: string = randomUUID(), subscriber?: Redis) {
  const connection = subscriber ?? (await openRedis('subscriber'));
  const events: string[] = [];
  const heard = new Set<string>();
  const channels = liveSubscriber({ kind: 'one', openSubscriber: () => connection }, keys, id, {
    onTopic: (topic, payload) =>
      events.push(`${topic} ${payload.kind === 'message' ? String(payload.data) : payload.kind}`),
    onOwn: (payload) => events.push(payload.kind === 'canary' ? `own ${payload.nonce}` : `own ${payload.kind}`),
    onWakeUp: () => events.push('doorbell'),
    onSubscribed: (topics) => {
      for (const topic of topics) {
        heard.add(topic);
        events.push(`hearing ${topic}`);
      }
    },
    onDisconnected: () => {
      heard.clear();
      events.push('deaf');
    },
  });
  const stop = channels.start();
  onTestFinished(() => {
    stop();
    connection.disconnect();
  });
  return { id, channels, connection, events, heard };
}

/** Topics that no other test has: their channels are on one Redis. */
function someTopics(count: number): string[] {
  const name = randomUUID();
  return Array.from({ length: count }, (_, index) => `${name}.${index}`);
}
const say = (topic: string, text: string) => redis.spublish(keys.topicLive(topic), `1-0 2-0 ${text}`);
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

describe('an ear', () => {
  test('hears a topic once it says so, and what is said on it', async () => {
    const { channels, events, heard } = await listen();
    channels.subscribe('news');
    await eventually(() => expect(heard).toContain('news'));
    await control.putTopic('news', {});
    await control.publish('news', Buffer.from('{"a":"ü"}'));
    await control.deleteTopic('news');
    const ofNews = () => events.filter((event) => event.includes('news'));
    await eventually(() => expect(ofNews()).toEqual(['hearing news', 'news {"a":"ü"}', 'news deleted']));
  });

  test('never calls from within: what is wanted is confirmed later', async () => {
    const { channels, events } = await listen();
    const before = events.length;
    channels.subscribe('news');
    expect(events).toHaveLength(before);
  });

  test('hears its own channel, and its wake-up when a client is notified', async () => {
    expect(await enableKeyspaceEvents(redis)).toBeNull();
    const { id, events } = await listen();
    await eventually(() => expect(events).toEqual(['doorbell']));
    expect(await edge.sendProbe(id, 'n1')).toBe(1);
    await eventually(() => expect(events).toEqual(['doorbell', 'own n1']));
    await edge.notify([id], 'a');
    await eventually(() => expect(events).toEqual(['doorbell', 'own n1', 'doorbell']));
    expect(await edge.sendProbe(randomUUID(), 'n2')).toBe(0);
  });

  test('does not hear what it no longer wants', async () => {
    const { channels, events, heard } = await listen();
    channels.subscribe('one');
    channels.subscribe('two');
    await eventually(() => expect(heard.size).toBe(2));
    channels.unsubscribe('one');
    await eventually(async () => expect(await subscribers(['one', 'two'])).toEqual([0, 1]));
    await say('one', 'x');
    await say('two', 'y');
    await eventually(() => expect(events).toContain('two y'));
    expect(events).not.toContain('one x');
  });

  test('is silent about a topic from the moment it does not want it, though Redis may still send', async () => {
    const { channels, events, heard } = await listen();
    channels.subscribe('one');
    channels.subscribe('two');
    await eventually(() => expect(heard.size).toBe(2));
    const said = [say('one', 'x'), say('two', 'y')];
    channels.unsubscribe('one');
    await Promise.all(said);
    await eventually(() => expect(events).toContain('two y'));
    expect(events).not.toContain('one x');
  });

  test('takes 1,000 topics at once', async () => {
    const { channels, events, heard } = await listen();
    const topics = someTopics(1000);
    for (const topic of topics) channels.subscribe(topic);
    await eventually(() => expect(heard.size).toBe(1000));
    await Promise.all(topics.map((topic) => say(topic, 'x')));
    await eventually(() => expect(events.filter((event) => event.endsWith(' x'))).toHaveLength(1000));
    for (const topic of topics) channels.unsubscribe(topic);
    await eventually(async () => expect(new Set(await subscribers(topics))).toEqual(new Set([0])));
  });

  test('hears what it wants again in the same tick, among many that it does not', async () => {
    const { channels, heard } = await listen();
    const topics = someTopics(300);
    for (const topic of topics) channels.subscribe(topic);
    await eventually(() => expect(heard.size).toBe(300));
    for (const topic of topics) channels.unsubscribe(topic);
    channels.subscribe(topics.at(-1) ?? '');
    const wanted = topics.map((_, index) => (index === topics.length - 1 ? 1 : 0));
    await eventually(async () => expect(await subscribers(topics)).toEqual(wanted));
  });

  test('ends with what was wanted last, however often it changed', async () => {
    const { channels, heard, connection } = await listen();
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
      // Some changes fall into one tick, some between question and answer, some into a lost connection.
      if (round % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (round % 5 === 0) await redis.ping();
      if (round % 20 === 10) await cut(connection);
    }
    await eventually(async () => {
      expect(await subscribers(topics)).toEqual(topics.map((topic) => (wanted.has(topic) ? 1 : 0)));
      expect([...wanted].filter((topic) => !heard.has(topic))).toEqual([]);
    });
  });
});

describe('an ear whose connection is lost', () => {
  test('says that it is deaf, then of every topic it wants that it hears again, and hears', async () => {
    const { channels, events, heard, connection } = await listen();
    const topics = someTopics(500);
    const [unwanted = '', wanted = ''] = topics;
    for (const topic of topics) channels.subscribe(topic);
    await eventually(() => expect(heard.size).toBe(500));
    channels.unsubscribe(unwanted);
    const before = events.length;
    await cut(connection);
    await eventually(() => expect(heard.size).toBe(499));
    const since = events.slice(before);
    expect(since[0]).toBe('deaf');
    expect(since.filter((event) => event.startsWith('hearing '))).toHaveLength(499);
    expect(since).not.toContain(`hearing ${unwanted}`);
    await say(wanted, 'x');
    await eventually(() => expect(events).toContain(`${wanted} x`));
  });

  test('wakes the edge when it is back: clients may have been notified meanwhile', async () => {
    const { id, events, connection } = await listen();
    await eventually(() => expect(events).toEqual(['doorbell']));
    await cut(connection);
    await eventually(() => expect(events).toEqual(['doorbell', 'deaf', 'doorbell']));
    expect(await edge.sendProbe(id, 'n')).toBe(1);
    await eventually(() => expect(events).toEqual(['doorbell', 'deaf', 'doorbell', 'own n']));
  });

  test('comes back as often as it is lost, also when it replaces the connection itself', async () => {
    const { channels, events, heard, connection } = await listen();
    for (const topic of someTopics(50)) channels.subscribe(topic);
    for (let round = 0; round < 20; round += 1) {
      await eventually(() => expect(heard.size).toBe(50));
      if (round % 2 === 0) channels.reconnect({ server: 'Redis', name: '' });
      else await cut(connection);
      await eventually(() => expect(events.filter((event) => event === 'deaf').length).toBeGreaterThan(round));
    }
    await eventually(() => expect(heard.size).toBe(50));
  });

  test('takes wishes meanwhile', async () => {
    const { channels, heard, connection } = await listen();
    channels.subscribe('old');
    await eventually(() => expect(heard).toContain('old'));
    channels.reconnect({ server: 'Redis', name: '' });
    await eventually(() => expect(connection.status).not.toBe('ready'));
    channels.subscribe('new');
    channels.unsubscribe('old');
    await eventually(() => expect(heard).toEqual(new Set(['new'])));
    expect(await subscribers(['old', 'new'])).toEqual([0, 1]);
  });
});

describe('an ear that is stopped', () => {
  test('is told nothing more', async () => {
    const connection = await openRedis('subscriber');
    const told: string[] = [];
    const listener = {
      onTopic: () => told.push('topic'),
      onOwn: () => told.push('own'),
      onWakeUp: () => told.push('doorbell'),
      onSubscribed: () => told.push('hearing'),
      onDisconnected: () => told.push('deaf'),
    };
    const id = randomUUID();
    const channels = liveSubscriber({ kind: 'one', openSubscriber: () => connection }, keys, id, listener);
    const stop = channels.start();
    channels.subscribe('news');
    await eventually(() => expect(told).toContain('hearing'));
    stop();
    const before = told.length;
    channels.subscribe('sport');
    await say('news', 'x');
    await edge.sendProbe(id, 'n');
    await connection.ping();
    await cut(connection);
    await eventually(() => expect(connection.status).toBe('ready'));
    await connection.ping();
    expect(told).toHaveLength(before);
  });
});
