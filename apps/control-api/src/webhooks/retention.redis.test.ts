import { captureLog } from '@holdfast/service/captured-log';
import { createMetrics } from '@holdfast/service/metrics';
import { eventually } from '@holdfast/testkit/eventually';
import { expect, test } from 'vitest';
import { answers, startReceiver, takes } from '../testing/webhook-receiver.ts';
import { endpointOf, openEvents, startTestWebhooks } from '../testing/webhooks.ts';
import { createWebhookMetrics } from './webhook-metrics.ts';
import { ALL, createRetention, fairCap } from './retention.ts';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

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
  const kept = async () => {
    const lengths = await Promise.all(upTo(events.broker.count).map((number) => events.broker.endOf(String(number))));
    return lengths.reduce((sum, { length }) => sum + length, 0);
  };
  await eventually(async () => expect(await kept()).toBeLessThanOrEqual(100));
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
  await eventually(async () => expect(await dropped()).toBeGreaterThan(0));
  webhooks.change([endpointOf(receiver, 'backend', { batch: { size: 40, ms: 10 } })]);
  receiver.answer(takes);
  await eventually(() => expect(receiver.taken.at(-1)?.data['n']).toBe(39));
  await eventually(async () => expect((await dropped()) + receiver.taken.length).toBe(40));
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

test('what came after a partition was looked at is not taken for too much', async () => {
  const events = await openEvents();
  const receiver = await startReceiver();
  const { logger } = captureLog();
  const metrics = createWebhookMetrics(createMetrics({ service: 'control-api', ofProcess: false }));
  const endpoints = [endpointOf(receiver, 'backend')];
  const trim = createRetention({ broker: events.broker, endpoints: () => endpoints, metrics, logger });
  for (const n of upTo(5)) {
    await events.redis.commands.xadd(`${events.prefix}events:{7}`, '*', 't', 'topic.lost', 'd', `{"n":${n}}`);
  }
  await trim(new Map([['7', 2]]));
  expect((await events.broker.endOf('7')).length).toBe(5);
});

test('what an endpoint has not got is kept longer than that', async () => {
  const events = await openEvents();
  const receiver = await startReceiver(answers(500));
  await events.broker.leaseWebhook('backend', 'long ago');
  const day = 24 * 3_600_000;
  const begins = String(Date.now() - 2 * day);
  await events.broker.writeWebhook('backend', 'long ago', {
    state: { begins },
    cursors: new Map(),
    deliveries: new Map(),
    done: new Map(),
  });
  await events.broker.releaseWebhook('backend', 'long ago');
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
