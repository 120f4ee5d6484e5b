import { type WebhookBroker, webhookBroker } from '@holdfast/broker/webhook-broker';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { captureLog } from '@holdfast/service/captured-log';
import { createMetrics } from '@holdfast/service/metrics';
import { eventually } from '@holdfast/testkit/eventually';
import { expect, test } from 'vitest';
import { answers, startReceiver, takes } from '../testing/webhook-receiver.ts';
import { type TestEvents, endpointOf, openEvents, startTestWebhooks } from '../testing/webhooks.ts';
import { createWebhookMetrics } from './webhook-metrics.ts';
import { ALL, createRetention, fairCap } from './retention.ts';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** How many events there are in all partitions. */
async function keptOf({ broker }: TestEvents): Promise<number> {
  const ends = await Promise.all(upTo(broker.count).map((number) => broker.endOf(String(number))));
  return ends.reduce((sum, { length }) => sum + length, 0);
}

test('what a full buffer takes from an endpoint is counted for it, and told once; the quiet topics keep their events', async () => {
  const events = await openEvents();
  const [down, good] = [await startReceiver(answers(500)), await startReceiver()];
  const endpoints = [endpointOf(down, 'down'), endpointOf(good, 'good', { types: ['topic.*'] })];
  const webhooks = await startTestWebhooks(events, endpoints, {
    maxEvents: 100,
    retries: { firstMs: 100, longestMs: 100 },
  });
  await events.ofTopic('quiet', 'topic.occupied', { n: 'quiet' });
  for (const round of upTo(12)) {
    for (const n of upTo(25)) await events.ofTopic('loud', 'topic.occupied', { n: 25 * round + n });
    // The good one keeps up, so that it loses nothing.
    await eventually(() => expect(good.taken.length).toBeGreaterThan(25 * round));
  }
  for (const n of upTo(50)) await events.ofTopic('loud', 'member.joined', { n });
  await eventually(() => expect(good.taken).toHaveLength(301));
  await eventually(async () => {
    const [first] = await webhooks.list();
    expect(first?.dropped).toBeGreaterThanOrEqual(250);
  });
  await eventually(async () => expect(await keptOf(events)).toBeLessThanOrEqual(100));
  down.answer(takes);
  const last = { id: expect.any(String) as string, data: { topic: 'loud', n: 49 } };
  await eventually(() => expect(down.taken.at(-1)).toMatchObject(last));
  await eventually(() => expect(down.taken.map(({ data }) => data['topic'])).toContain('quiet'));
  const [ofDown, ofGood] = await webhooks.list();
  // What is under way while it is taken away may be delivered all the same: of each topic one.
  expect(down.taken.length + (ofDown?.dropped ?? 0)).toBeGreaterThanOrEqual(351);
  expect(down.taken.length + (ofDown?.dropped ?? 0)).toBeLessThanOrEqual(351 + 2);
  expect(ofGood?.dropped).toBe(0);
  const full = 'the buffer of events is full: events are dropped that were not delivered';
  expect(webhooks.log.linesWith(full)).toMatchObject([{ level: 'error', endpoint: 'down' }]);
  const text = (await webhooks.metrics.text()).body;
  expect(text).toMatch(/holdfast_webhook_events_dropped_total\{endpoint="down",service="control-api"\} \d+/);
});

test('what is taken from a delivery that waits is counted once', async () => {
  const events = await openEvents();
  const receiver = await startReceiver(answers(500));
  const endpoint = endpointOf(receiver, 'backend', { batch: { size: 40, ms: 30_000 } });
  const webhooks = await startTestWebhooks(events, [endpoint], { maxEvents: 20 });
  for (const n of upTo(40)) await events.ofTopic('loud', 'topic.occupied', { n });
  const dropped = async () => (await webhooks.list())[0]?.dropped ?? 0;
  // Then nothing more is taken, of which some may be under way.
  await eventually(async () => expect(await keptOf(events)).toBeLessThanOrEqual(20));
  webhooks.change([endpointOf(receiver, 'backend', { batch: { size: 40, ms: 10 } })]);
  receiver.answer(takes);
  await eventually(() => expect(receiver.taken.at(-1)?.data['n']).toBe(39));
  await eventually(async () => expect((await dropped()) + receiver.taken.length).toBe(40));
});

test('what is taken from events that wait in memory for others of their batch is counted once', async () => {
  const events = await openEvents();
  const receiver = await startReceiver();
  const read = Promise.withResolvers<void>();
  const broker: WebhookBroker = {
    ...events.broker,
    readAfter: async (...asked) => {
      const page = await events.broker.readAfter(...asked);
      if (page.events.length > 0) read.resolve();
      return page;
    },
    // Nothing is taken before some are in memory.
    trim: async (...asked) => {
      await read.promise;
      return events.broker.trim(...asked);
    },
  };
  const endpoint = endpointOf(receiver, 'backend', { batch: { size: 40, ms: 30_000 } });
  const webhooks = await startTestWebhooks({ ...events, broker }, [endpoint], { maxEvents: 20 });
  for (const n of upTo(30)) await events.ofTopic('loud', 'topic.occupied', { n });
  const dropped = async () => (await webhooks.list())[0]?.dropped ?? 0;
  await eventually(async () => expect(await keptOf(events)).toBeLessThanOrEqual(20));
  expect(receiver.taken).toEqual([]);
  webhooks.change([endpointOf(receiver, 'backend', { batch: { size: 40, ms: 10 } })]);
  await eventually(() => expect(receiver.taken.at(-1)?.data['n']).toBe(29));
  await eventually(async () => expect((await dropped()) + receiver.taken.length).toBe(30));
});

test('what all endpoints have is kept for a day, and no longer', async () => {
  const events = await openEvents();
  const receiver = await startReceiver();
  const [number, stream] = [7, `${events.prefix}events:{7}`];
  const day = 24 * 3_600_000;
  const write = (ageMs: number) =>
    events.redis.commands.xadd(stream, `${Date.now() - ageMs}-0`, 't', 'topic.occupied', 'd', '{"topic":"a"}');
  await write(day + 60_000);
  await write(day + 50_000);
  const kept = await write(day - 60_000);
  await startTestWebhooks(events, [endpointOf(receiver, 'backend')]);
  await eventually(async () => {
    const entries = await events.redis.commands.xrange(stream, '-', '+');
    expect(entries.map(([id]) => id)).toEqual([kept]);
  });
  expect((await events.broker.endOf(String(number))).last).toBe(kept);
});

/** The retention of one endpoint, named "backend". */
async function retentionOf(
  events: TestEvents,
  options: { broker?: WebhookBroker; maxEvents?: number; maxBytes?: number } = {},
) {
  const { logger, linesWith } = captureLog();
  const metrics = createWebhookMetrics(createMetrics({ service: 'control-api', ofProcess: false }));
  const endpoints = [endpointOf(await startReceiver(), 'backend')];
  const trim = createRetention({ broker: events.broker, endpoints: () => endpoints, metrics, logger, ...options });
  return { trim, linesWith };
}

/** Has it known how far "backend" is. */
async function setBack(events: TestEvents, state: Parameters<WebhookBroker['writeWebhook']>[2]['state']) {
  await events.broker.leaseWebhook('backend', 'long ago');
  const none = { cursors: new Map(), deliveries: new Map(), done: new Map() };
  await events.broker.writeWebhook('backend', 'long ago', { state, ...none });
  await events.broker.releaseWebhook('backend', 'long ago');
}

test('what a disabled endpoint loses after a day is reported in other words than that the buffer is full', async () => {
  const events = await openEvents();
  const { trim, linesWith } = await retentionOf(events);
  const day = 24 * 3_600_000;
  await setBack(events, { begins: String(Date.now() - 2 * day), disabled: `gave-up ${Date.now()}` });
  const stream = `${events.prefix}events:{7}`;
  await events.redis.commands.xadd(stream, `${Date.now() - day - 60_000}-0`, 't', 'topic.lost', 'd', '{"n":1}');
  await trim(new Map([['7', { length: 1, bytes: 100 }]]));
  expect((await events.broker.readWebhook('backend')).dropped).toBe(1);
  const aged = 'events of a disabled endpoint are a day old: they are dropped';
  expect(linesWith(aged)).toMatchObject([{ level: 'error', endpoint: 'backend' }]);
  expect(linesWith('the buffer of events is full')).toEqual([]);
});

test('many partitions are trimmed side by side, and one that cannot be does not keep the others from it', async () => {
  const events = await openEvents();
  let [now, most] = [0, 0];
  const trimmed: string[] = [];
  const broker: WebhookBroker = {
    ...events.broker,
    trim: async (name, bounds) => {
      now += 1;
      most = Math.max(most, now);
      if (name === '3') await Promise.reject(new RedisUnavailable('away')).finally(() => (now -= 1));
      const result = await events.broker.trim(name, bounds);
      now -= 1;
      trimmed.push(name);
      return result;
    },
  };
  const { trim } = await retentionOf(events, { broker });
  await expect(trim(new Map(upTo(32).map((number) => [String(number), { length: 1, bytes: 100 }])))).rejects.toThrow(
    RedisUnavailable,
  );
  expect(trimmed).toHaveLength(31);
  expect(most).toBeGreaterThan(20);
});

const sizesOf = async ({ broker }: TestEvents) =>
  new Map(
    await Promise.all(upTo(32).map(async (number) => [String(number), await broker.endOf(String(number))] as const)),
  );

test('large messages are bounded by their bytes, the small ones of another partition stay', async () => {
  const events = await openEvents();
  const MIB = 1024 ** 2;
  const { trim, linesWith } = await retentionOf(events, { maxBytes: MIB });
  await setBack(events, { begins: '1' });
  const [large, small] = [`${events.prefix}events:{7}`, `${events.prefix}events:{8}`];
  const body = 'x'.repeat(60_000);
  for (const n of upTo(100)) {
    await events.redis.commands.xadd(large, '*', 't', 'member.joined', 'd', `{"n":${n},"body":"${body}"}`);
    await events.redis.commands.xadd(small, '*', 't', 'topic.lost', 'd', `{"n":${n}}`);
  }
  await trim(await sizesOf(events));
  const sizes = await sizesOf(events);
  expect(sizes.get('8')?.length).toBe(100);
  expect(sizes.get('7')?.length).toBeGreaterThan(5);
  expect(sizes.get('7')?.bytes).toBeLessThan(MIB);
  expect((await events.broker.readWebhook('backend')).dropped).toBe(100 - (sizes.get('7')?.length ?? 0));
  expect(linesWith('the buffer of events is full: events are dropped that were not delivered')).toHaveLength(1);
});

test('what every endpoint has goes first, whatever the size of its partition', async () => {
  const events = await openEvents();
  const { trim } = await retentionOf(events, { maxEvents: 60 });
  await setBack(events, { begins: '1' });
  const [waiting, delivered] = [`${events.prefix}events:{7}`, `${events.prefix}events:{8}`];
  let last = '';
  for (const n of upTo(50)) {
    await events.redis.commands.xadd(waiting, '*', 't', 'topic.lost', 'd', `{"n":${n}}`);
    if (n < 20) last = String(await events.redis.commands.xadd(delivered, '*', 't', 'topic.lost', 'd', `{"n":${n}}`));
  }
  await events.broker.leaseWebhook('backend', 'again');
  const none = { state: {}, deliveries: new Map(), done: new Map() };
  await events.broker.writeWebhook('backend', 'again', { ...none, cursors: new Map([['8', last]]) });
  await trim(await sizesOf(events));
  expect((await events.broker.endOf('7')).length).toBe(50);
  expect((await events.broker.endOf('8')).length).toBe(0);
  expect((await events.broker.readWebhook('backend')).dropped).toBe(0);
});

test('what an endpoint of the file of another control-api has not got stays, and is counted for it when it must go', async () => {
  const events = await openEvents();
  const { trim } = await retentionOf(events, { maxEvents: 50 });
  const other = webhookBroker(events.redis.commands, events.prefix);
  await other.leaseWebhook('theirs', 'token');
  await other.keepWanted({ 'topic.lost': null }, [{ id: 'theirs', types: ['topic.lost'] }]);
  const day = 24 * 3_600_000;
  const begins = { state: { begins: '1' }, cursors: new Map(), deliveries: new Map(), done: new Map() };
  await other.writeWebhook('theirs', 'token', begins);
  const stream = `${events.prefix}events:{7}`;
  await events.redis.commands.xadd(stream, `${Date.now() - 2 * day}-0`, 't', 'topic.lost', 'd', '{"n":1}');
  await trim(await sizesOf(events));
  expect((await events.broker.endOf('7')).length).toBe(1);
  for (const n of upTo(60)) await events.redis.commands.xadd(stream, '*', 't', 'topic.lost', 'd', `{"n":${n}}`);
  await trim(await sizesOf(events));
  expect((await other.readWebhook('theirs')).dropped).toBe(61 - 49);
});

test('what came after a partition was looked at is not taken for too much', async () => {
  const events = await openEvents();
  const { trim } = await retentionOf(events);
  for (const n of upTo(5)) {
    await events.redis.commands.xadd(`${events.prefix}events:{7}`, '*', 't', 'topic.lost', 'd', `{"n":${n}}`);
  }
  await trim(new Map([['7', { length: 2, bytes: 100 }]]));
  expect((await events.broker.endOf('7')).length).toBe(5);
});

test('what an endpoint has not got is kept longer than that', async () => {
  const events = await openEvents();
  const receiver = await startReceiver(answers(500));
  const day = 24 * 3_600_000;
  await setBack(events, { begins: String(Date.now() - 2 * day) });
  const stream = `${events.prefix}events:{7}`;
  const id = await events.redis.commands.xadd(
    stream,
    `${Date.now() - day - 60_000}-0`,
    't',
    'topic.occupied',
    'd',
    '{"n":1}',
  );
  await startTestWebhooks(events, [endpointOf(receiver, 'backend')]);
  await eventually(() => expect(receiver.received.length).toBeGreaterThan(2));
  expect((await events.broker.endOf('7')).length).toBe(1);
  receiver.answer(takes);
  await eventually(() =>
    expect(receiver.taken.map((event) => event.id)).toEqual([expect.stringContaining(String(id))]),
  );
});

test('partitions share what there is: the longest lose, the short ones keep theirs', () => {
  expect(fairCap([5, 5], 10)).toBe(ALL);
  expect(fairCap([], 10)).toBe(ALL);
  const lengths = [1, 10, 100, 1_000, 10_000];
  const cap = fairCap(lengths, 1_000);
  expect(cap).toBe(Math.floor((980 - 111) / 2));
  expect(lengths.reduce((sum, length) => sum + Math.min(length, cap), 0)).toBeLessThanOrEqual(1_000);
});
