import { openRedis } from '@holdfast/redis/redis';
import { captureLog } from '@holdfast/service/captured-log';
import { eventually } from '@holdfast/testkit/eventually';
import { prefix, redisUrl } from '@holdfast/testkit/redis';
import { expect, onTestFinished, test } from 'vitest';
import { redisKeys } from '../keys.ts';
import { controlBroker, edgeBroker } from '../redis-broker.ts';
import { eventPartitions } from './partitions.ts';
import { detailsOf, openRedis as openTestRedis } from '../testing/brokers.ts';
import { type WantedEvents, type WrittenEventType, eventsWanted } from './wanted.ts';
import { webhookBroker } from './webhook-broker.ts';

/** Control-apis with and without a file, on one Redis. */
async function installation() {
  const { logger } = captureLog();
  const redis = openRedis({ kind: 'single', url: redisUrl() }, { name: 'test', logger });
  await redis.whenReady({ logger });
  onTestFinished(() => redis.close());
  const { commands } = redis;
  const start = prefix();
  const keys = redisKeys(start);
  const reader = eventsWanted(commands, keys);
  const types = ['topic.occupied', 'topic.vacated', 'topic.lost'] as const;
  const partitions = eventPartitions(commands, keys);
  const streams = Array.from({ length: partitions.count }, (_, number) => partitions.partition(number).stream);
  return {
    commands,
    keys,
    streams,
    reader,
    reaper: controlBroker(commands, start),
    open: () => webhookBroker(commands, start),
    live: async (edge: string) => {
      const subscriber = await openTestRedis('subscriber');
      await subscriber.ssubscribe(keys.edgeLive(edge));
      await edgeBroker(commands, start).renewLease(detailsOf(edge));
      const received: string[] = [];
      subscriber.on('smessage', (_channel, message) => received.push(message));
      return received;
    },
    /** Types that are wanted of a topic. */
    wantedOf: async (topic: string) => {
      await reader.refresh();
      return types.filter((type) => reader.isWanted(type, topic));
    },
    existing: async () => (await Promise.all(streams.map((stream) => commands.exists(stream)))).filter(Boolean).length,
  };
}

test('while control-apis have different files what any of them wants is written, whoever said so last', async () => {
  const { open, reader, wantedOf } = await installation();
  const [old, young] = [open(), open()];
  const ofOld: WantedEvents = { 'topic.occupied': ['a.*'], 'topic.lost': ['a.*'] };
  const ofYoung: WantedEvents = { 'topic.occupied': ['b.*'], 'topic.lost': null };
  await old.keepWanted(ofOld, [{ id: 'one', types: ['*'] }]);
  await young.keepWanted(ofYoung, [{ id: 'two', types: ['*'] }]);
  expect(await wantedOf('a.x')).toEqual(['topic.occupied', 'topic.lost']);
  for (const keep of [() => old.keepWanted(ofOld), () => young.keepWanted(ofYoung)]) {
    await keep();
    expect(await reader.refresh()).toBe(false);
  }
  expect(await wantedOf('b.x')).toEqual(['topic.occupied', 'topic.lost']);
  await old.keepWanted({});
  expect(await wantedOf('a.x')).toEqual(['topic.lost']);
});

test('what is wanted of channels is apart from that of topics, and is what any control-api wants', async () => {
  const { open, commands, keys, reader, existing, live, streams } = await installation();
  const [one, other] = [open(), open()];
  const received = await live('e1');
  const isWanted = async (type: WrittenEventType, topic?: string) => {
    await reader.refresh();
    return reader.isWanted(type, topic);
  };
  await one.keepWanted({}, [], {});
  expect(await commands.exists(keys.eventsWanted())).toBe(0);
  await one.keepWanted({}, [{ id: 'hook', types: [] }], { 'topic.occupied': ['a'], 'channel.cache-miss': ['a'] });
  expect(await existing()).toBe(streams.length);
  // Edges are notified when what is wanted changes, and only then.
  await eventually(() => expect(received).toEqual(['events']));
  expect(await reader.refresh()).toBe(true);
  expect(reader.isEmpty()).toBe(false);
  await other.keepWanted({ 'topic.occupied': null }, [], { 'topic.occupied': ['b'] });
  for (const [topic, is] of [
    ['!a!room', true],
    ['!b!room', true],
    ['!c!room', false],
    ['!ab!room', false],
    ['!a!#server-to-user-ann', false],
    ['!a', false],
    ['room', true],
  ] as const) {
    expect([topic, await isWanted('topic.occupied', topic)]).toEqual([topic, is]);
  }
  expect(await isWanted('channel.cache-miss', '!b!room')).toBe(false);
  expect(await isWanted('channel.cache-miss')).toBe(true);
  expect(await isWanted('topic.vacated')).toBe(false);
  await other.keepWanted({ 'topic.occupied': null }, [], { 'topic.occupied': ['b'] });
  await other.keepWanted({ 'topic.occupied': null }, [], { 'topic.occupied': ['a'] });
  await one.keepWanted({});
  await eventually(() => expect(received).toEqual(['events', 'events', 'events', 'events']));
  expect(await isWanted('channel.cache-miss', '!a!room')).toBe(false);
  expect(await isWanted('topic.occupied', '!a!room')).toBe(true);
  await other.keepWanted({});
  expect(await isWanted('topic.occupied', '!a!room')).toBe(false);
  expect(reader.isEmpty()).toBe(true);
});

test('what is wanted stays without an end while no control-api lives, and goes with one that outlives the others', async () => {
  const { open, commands, keys, reaper, wantedOf } = await installation();
  await open().keepWanted({ 'topic.lost': null });
  expect(await commands.pttl(keys.eventsWanted())).toBe(-1);
  await reaper.reapEvents(null);
  await reaper.reapEvents(3_600_000);
  expect(await wantedOf('a')).toEqual(['topic.lost']);
  const hourAgo = (await commands.hgetall(keys.eventsWanted())) ?? {};
  for (const [name, value] of Object.entries(hourAgo)) {
    const ms = Number(value.slice(0, value.indexOf(' '))) - 3_600_001;
    await commands.hset(keys.eventsWanted(), name, `${ms}${value.slice(value.indexOf(' '))}`);
  }
  await reaper.reapEvents(null);
  expect(await wantedOf('a')).toEqual(['topic.lost']);
  await open().keepWanted({});
  expect(await wantedOf('a')).toEqual(['topic.lost']);
  await reaper.reapEvents(3_600_000);
  expect(await wantedOf('a')).toEqual([]);
});

test('streams are removed a day after nothing is wanted any more, but for what was written since', async () => {
  const { open, commands, keys, streams, reaper, existing } = await installation();
  expect(await reaper.reapEvents(null)).toBe(false);
  expect(await commands.exists(keys.eventsWanted())).toBe(0);
  const control = open();
  await control.keepWanted({ 'topic.lost': null });
  const day = 24 * 3_600_000;
  const [old = '', fresh = ''] = streams;
  await commands.xadd(old, `${Date.now() - 2 * day}-0`, 't', 'topic.lost');
  await commands.xadd(fresh, '*', 't', 'topic.lost');
  expect(await reaper.reapEvents(null)).toBe(false);
  await control.keepWanted({});
  expect(await reaper.reapEvents(null)).toBe(false);
  expect(await existing()).toBe(streams.length);
  await commands.hset(keys.eventsWanted(), 'off', Date.now() - day - 1_000);
  expect(await reaper.reapEvents(null)).toBe(true);
  expect([await existing(), await commands.exists(fresh)]).toEqual([1, 1]);
  expect(await commands.exists(keys.eventsWanted())).toBe(0);
  await control.keepWanted({ 'topic.lost': null });
  expect(await existing()).toBe(streams.length);
});
