import { setTimeout } from 'node:timers/promises';
import { startPrivateRedis } from '@holdfast/testkit/redis-process';
import { eventually } from '@holdfast/testkit/eventually';
import { expect, onTestFinished, test } from 'vitest';
import { type TakenEvent, answers, startReceiver, takes } from '../testing/webhook-receiver.ts';
import { endpointOf, openEvents, startTestWebhooks } from '../testing/webhooks.ts';

const numbers = (taken: readonly TakenEvent[], topic = 'a'): unknown[] =>
  taken.filter(({ data }) => data['topic'] === topic).map(({ data }) => data['n']);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

test('of two control-apis one delivers; when it stops the other goes on, without a gap and without a repeat', async () => {
  const events = await openEvents();
  const receiver = await startReceiver((request, response) => void setTimeout(2).then(() => takes(request, response)));
  const endpoint = endpointOf(receiver, 'backend');
  const first = await startTestWebhooks(events, [endpoint]);
  const second = await startTestWebhooks(events, [endpoint]);
  for (const n of upTo(100)) await events.ofTopic('a', 'topic.occupied', { n });
  await eventually(() => expect(receiver.received.length).toBeGreaterThan(20));
  await first.stop();
  await events.ofTopic('a', 'topic.occupied', { n: 100 });
  await eventually(() => expect(receiver.received).toHaveLength(101));
  expect(receiver.received.map(({ body }) => (JSON.parse(body) as TakenEvent).data['n'])).toEqual(upTo(101));
  expect(first.log.linesWith('webhooks are delivered from here')).toHaveLength(1);
  expect(second.log.linesWith('webhooks are delivered from here')).toHaveLength(1);
});

test('a batch that failed at one control-api is sent by the next under the same id, with the same bytes', async () => {
  const events = await openEvents();
  const receiver = await startReceiver(answers(500));
  const endpoint = endpointOf(receiver, 'backend', { batch: { size: 10, ms: 20 } });
  const first = await startTestWebhooks(events, [endpoint], { retries: { firstMs: 300 } });
  for (const n of upTo(5)) await events.ofTopic('a', 'topic.occupied', { n });
  await eventually(() => expect(receiver.received.length).toBeGreaterThan(0));
  const failed = receiver.received[0];
  await first.stop();
  receiver.answer(takes);
  await startTestWebhooks(events, [endpoint]);
  await eventually(() => expect(receiver.taken).toHaveLength(5));
  const again = receiver.received.filter(({ id }) => id === failed?.id).at(-1);
  expect(again).not.toBe(failed);
  expect(again?.body).toBe(failed?.body);
});

test('the parts of a batch that was refused keep their ids, also at the next control-api', async () => {
  const events = await openEvents();
  const receiver = await startReceiver(answers(500));
  const endpoint = endpointOf(receiver, 'backend', { batch: { size: 4, ms: 60_000 } });
  const first = await startTestWebhooks(events, [endpoint]);
  for (const n of upTo(4)) await events.ofTopic(`topic-${n % 2}`, 'topic.occupied', { n });
  const ids = () => new Set(receiver.received.map(({ id }) => id));
  // The whole, and each of its two parts.
  await eventually(() => expect(ids().size).toBe(3));
  await eventually(() => expect(receiver.received.length).toBeGreaterThanOrEqual(5));
  const before = ids();
  await first.stop();
  receiver.answer(takes);
  await startTestWebhooks(events, [endpoint]);
  await eventually(() => expect(receiver.taken).toHaveLength(4));
  expect(ids()).toEqual(before);
  expect(numbers(receiver.taken, 'topic-0')).toEqual([0, 2]);
  expect(numbers(receiver.taken, 'topic-1')).toEqual([1, 3]);
  await eventually(async () => expect(await events.broker.readDeliveries('backend')).toEqual(new Map()));
});

test('the wait for another try goes over to whoever takes over', async () => {
  const events = await openEvents();
  const receiver = await startReceiver(answers(500));
  const endpoint = endpointOf(receiver, 'backend');
  const first = await startTestWebhooks(events, [endpoint], { retries: { firstMs: 3_600_000, longestMs: 3_600_000 } });
  await events.ofTopic('a', 'topic.occupied', { n: 0 });
  await eventually(async () => expect((await first.list())[0]).toMatchObject({ state: 'failing' }));
  await first.stop();
  receiver.answer(takes);
  const second = await startTestWebhooks(events, [endpoint]);
  await events.ofTopic('a', 'topic.occupied', { n: 1 });
  await eventually(async () => expect((await second.list())[0]?.lagSeconds).toBeGreaterThan(2));
  expect(receiver.taken).toEqual([]);
  expect((await second.list())[0]).toMatchObject({ state: 'failing' });
  await second.enable('backend');
  await eventually(() => expect(numbers(receiver.taken)).toEqual([0, 1]));
});

test('what waits for another try is tried soon when the endpoint takes something else, also at the next control-api', async () => {
  const events = await openEvents();
  const receiver = await startReceiver(answers(500));
  const endpoint = endpointOf(receiver, 'backend');
  const retries = { firstMs: 3_600_000, longestMs: 3_600_000 };
  const first = await startTestWebhooks(events, [endpoint], { retries });
  for (const topic of ['a', 'b']) await events.ofTopic(topic, 'topic.occupied', { n: 0 });
  await eventually(async () => expect((await events.broker.readDeliveries('backend')).size).toBe(2));
  receiver.answer((request, response) => answers(request.body.includes('"a"') ? 500 : 204)(request, response));
  await events.ofTopic('c', 'topic.occupied', { n: 0 });
  await eventually(() => expect(numbers(receiver.taken, 'b')).toEqual([0]));
  await eventually(() => expect(receiver.received.filter(({ body }) => body.includes('"a"')).length).toBe(2));
  await first.stop();
  receiver.answer(takes);
  await startTestWebhooks(events, [endpoint], { retries });
  await events.ofTopic('c', 'topic.occupied', { n: 1 });
  await eventually(() => expect(numbers(receiver.taken)).toEqual([0]));
});

test('that an endpoint is disabled is known to whoever takes over', async () => {
  const events = await openEvents();
  const receiver = await startReceiver(answers(410));
  const endpoint = endpointOf(receiver, 'backend');
  const first = await startTestWebhooks(events, [endpoint]);
  await events.ofTopic('a', 'topic.occupied', { n: 0 });
  await eventually(async () => expect((await events.broker.readWebhook('backend')).disabled).toMatch(/^gone /));
  await first.stop();
  receiver.answer(takes);
  const second = await startTestWebhooks(events, [endpoint]);
  await eventually(() => expect(second.log.linesWith('webhooks are delivered from here')).toHaveLength(1));
  await events.ofTopic('a', 'topic.occupied', { n: 1 });
  await eventually(async () => expect((await second.list())[0]?.lagSeconds).toBeGreaterThan(2));
  expect(receiver.received).toHaveLength(1);
  await second.enable('backend');
  await eventually(() => expect(numbers(receiver.taken)).toEqual([0, 1]));
});

test('whoever lost its lease sends nothing more, and writes nothing', async () => {
  const events = await openEvents();
  const receiver = await startReceiver();
  const webhooks = await startTestWebhooks(events, [endpointOf(receiver, 'backend')]);
  await events.ofTopic('a', 'topic.occupied', { n: 0 });
  await eventually(() => expect(receiver.taken).toHaveLength(1));
  await eventually(async () => expect((await events.broker.readWebhook('backend')).delivered).toBe(1));
  const key = `${events.prefix}webhook:{backend}`;
  await events.redis.commands.hset(key, 'token', 'of another', 'until', String(Date.now() + 60_000));
  await eventually(() =>
    expect(webhooks.log.linesWith('another control-api delivers webhooks by now')).toHaveLength(1),
  );
  await events.ofTopic('a', 'topic.occupied', { n: 1 });
  const nothing = { state: { delivered: '7' }, cursors: new Map(), deliveries: new Map(), done: new Map() };
  expect(await events.broker.writeWebhook('backend', 'of none', nothing)).toBe(false);
  await setTimeout(500);
  expect(receiver.taken).toHaveLength(1);
  await events.redis.commands.hset(key, 'until', '0');
  await eventually(() => expect(numbers(receiver.taken)).toEqual([0, 1]));
});

test('a batch that is put together just after Redis lost its data is delivered', async () => {
  const events = await openEvents();
  const receiver = await startReceiver();
  const webhooks = await startTestWebhooks(events, [endpointOf(receiver, 'backend', { batch: { size: 10, ms: 10 } })]);
  await events.ofTopic('a', 'topic.occupied', { n: 0 });
  await eventually(() => expect(numbers(receiver.taken)).toEqual([0]));
  // Just after a renewal there is a second in which no write finds the lease.
  const key = `${events.prefix}webhook:{backend}`;
  const until = await events.redis.commands.hget(key, 'until');
  await eventually(async () => expect(await events.redis.commands.hget(key, 'until')).not.toBe(until));
  for (const lost of [key, `${key}:cursors`, `${key}:deliveries`]) await events.redis.commands.del(lost);
  await events.ofTopic('a', 'topic.occupied', { n: 1 });
  await eventually(() => expect(numbers(receiver.taken)).toEqual([0, 1]));
  await events.ofTopic('a', 'topic.occupied', { n: 2 });
  await eventually(() => expect(numbers(receiver.taken)).toEqual([0, 1, 2]));
  expect(webhooks.log.linesWith('Redis has forgotten how far webhooks are: it is written anew')).toHaveLength(1);
  await eventually(async () => expect(await events.broker.readDeliveries('backend')).toEqual(new Map()));
});

test('a Redis that lost its data gets back what operators are shown of an endpoint', async () => {
  const events = await openEvents();
  const receiver = await startReceiver();
  const webhooks = await startTestWebhooks(events, [endpointOf(receiver, 'backend')]);
  await events.ofTopic('a', 'topic.occupied', { n: 0 });
  await eventually(() => expect(receiver.taken).toHaveLength(1));
  receiver.answer(answers(500));
  await events.ofTopic('a', 'topic.occupied', { n: 1 });
  await events.broker.countDropped('backend', 7);
  const shown = async () => {
    const { state, delivered, dropped, lastDeliveredAt, lastError } = (await webhooks.list())[0] ?? {};
    return { state, delivered, dropped, lastDeliveredAt, status: lastError?.status };
  };
  await eventually(async () =>
    expect(await shown()).toEqual({
      state: 'failing',
      delivered: 1,
      dropped: 7,
      lastDeliveredAt: expect.any(String) as string,
      status: 500,
    }),
  );
  const before = await shown();
  const key = `${events.prefix}webhook:{backend}`;
  const until = async () => events.redis.commands.hget(key, 'until');
  // The first renewal may have begun before it was counted.
  for (let renewals = 0; renewals < 2; renewals += 1) {
    const seen = await until();
    await eventually(async () => expect(await until()).not.toBe(seen));
  }
  for (const lost of [key, `${key}:cursors`, `${key}:deliveries`]) await events.redis.commands.del(lost);
  await events.broker.countDropped('backend', 1);
  await eventually(async () => expect(await shown()).toEqual({ ...before, dropped: 8 }));
  receiver.answer(answers(410));
  await eventually(async () => expect(await shown()).toMatchObject({ state: 'disabled', status: 410 }));
  for (const lost of [key, `${key}:cursors`, `${key}:deliveries`]) await events.redis.commands.del(lost);
  await eventually(async () => expect(await shown()).toMatchObject({ state: 'disabled', status: 410, dropped: 8 }));
});

test('what waits and is gone from a Redis that lost its data is counted', async () => {
  const events = await openEvents();
  const receiver = await startReceiver(answers(500));
  const webhooks = await startTestWebhooks(events, [endpointOf(receiver, 'backend')]);
  await events.ofTopic('a', 'topic.occupied', { n: 0 });
  await eventually(() => expect(receiver.received.length).toBeGreaterThan(0));
  const key = `${events.prefix}webhook:{backend}`;
  const streams = upTo(events.broker.count).map((number) => `${events.prefix}events:{${number}}`);
  for (const lost of [key, `${key}:cursors`, `${key}:deliveries`, ...streams]) await events.redis.commands.del(lost);
  await eventually(async () => expect((await webhooks.list())[0]).toMatchObject({ dropped: 1, lagSeconds: 0 }));
  receiver.answer(takes);
  await events.ofTopic('a', 'topic.occupied', { n: 1 });
  await eventually(() => expect(numbers(receiver.taken)).toEqual([1]));
  expect((await webhooks.list())[0]?.dropped).toBe(1);
});

test('while Redis is away nothing is lost; a Redis that lost its data gets back how far each endpoint is', async () => {
  let redis = await startPrivateRedis();
  onTestFinished(() => redis.stop());
  const events = await openEvents({ kind: 'single', url: redis.url });
  const receiver = await startReceiver();
  const webhooks = await startTestWebhooks(events, [endpointOf(receiver, 'backend')]);
  await events.ofTopic('a', 'topic.occupied', { n: 0 });
  await eventually(() => expect(receiver.taken).toHaveLength(1));
  await redis.kill();
  redis = await startPrivateRedis({ port: redis.port });
  await eventually(() => events.ofTopic('a', 'topic.occupied', { n: 1 }));
  await events.ofTopic('b', 'topic.occupied', { n: 2 });
  await eventually(() => {
    expect(numbers(receiver.taken)).toEqual([0, 1]);
    expect(numbers(receiver.taken, 'b')).toEqual([2]);
  });
  await eventually(async () => expect(await events.broker.readWebhook('backend')).toMatchObject({ delivered: 3 }));
  expect(webhooks.log.linesWith('Redis has forgotten how far webhooks are: it is written anew')).toHaveLength(1);
  await eventually(async () => expect(await events.redis.commands.exists(`${events.prefix}events:wanted`)).toBe(1));
});
