import { IDEMPOTENCY_SECONDS } from '@holdfast/protocol/limits';
import { type Position, comparePositions } from '@holdfast/protocol/position-order';
import { eventually } from '@holdfast/testkit/eventually';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LivePayload, decodeLive, encodeProbe } from '../live/payload.ts';
import { controlBroker } from '../redis-broker.ts';
import { openBroker, openRedis } from '../testing/brokers.ts';

const { redis, prefix, keys, control } = await openBroker();
const subscriber = await openRedis('subscriber');
const channels = new Map<string, LivePayload[]>();
subscriber.on('smessageBuffer', (channel: Buffer, payload: Buffer) => {
  channels.get(channel.toString())?.push(decodeLive(payload));
});

let count = 0;
/** A new topic, and what is said on its channel. */
async function someTopic(history: { size?: number; seconds?: number } = {}) {
  const topic = `topic.${(count += 1)}`;
  const { state } = await control.putTopic(topic, history);
  const live: LivePayload[] = [];
  channels.set(keys.topicLive(topic), live);
  await subscriber.ssubscribe(keys.topicLive(topic));
  return { topic, start: state.start, live };
}

async function publish(topic: string, data: Buffer | string = '1', key?: string): Promise<Position> {
  const outcome = await control.publish(topic, Buffer.from(data), key);
  expect(outcome.kind).toBe('published');
  return 'id' in outcome ? outcome.id : '';
}

describe('publishing', () => {
  test('carries the traceparent of a call that is traced to the channel and into the log, and else nothing', async () => {
    const { topic, live } = await someTopic();
    const [data, traceparent] = [Buffer.from('1'), `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`];
    await control.publish(topic, data);
    await control.publish(topic, data, undefined, undefined, traceparent);
    await control.publishAll(topic, [{ data }, { data }], traceparent);
    const traced = [undefined, traceparent, traceparent, traceparent];
    await eventually(() => {
      const messages = live.flatMap((payload) => (payload.kind === 'message' ? [payload] : []));
      expect(messages.map((message) => message.traceparent)).toEqual(traced);
      expect(messages.every((message) => message.data.equals(data))).toBe(true);
    });
    const entries = (await control.readLog(topic, null, 10))?.entries ?? [];
    expect(entries.map((entry) => entry.traceparent)).toEqual(traced);
    const fields = (await redis.xrange(keys.topicLog(topic), '-', '+')).map(([, pairs]) => pairs.length / 2);
    expect(fields).toEqual([2, 3, 3, 3]);
    const after = await control.readLog(topic, entries[1]?.id ?? null, 1);
    expect(after?.entries).toMatchObject([{ data, traceparent }]);
  });

  test('gives ids that strictly rise, each message naming the one before, in the log and on the channel', async () => {
    const { topic, start, live } = await someTopic();
    const other = controlBroker(await openRedis('commands'), prefix);
    const calls = Array.from({ length: 500 }, (_, index) =>
      (index % 2 === 0 ? control : other).publish(topic, Buffer.from(String(index))),
    );
    const ids = (await Promise.all(calls)).map((outcome) => (outcome.kind === 'published' ? outcome.id : ''));
    const entries = (await control.readLog(topic, null, 1000))?.entries ?? [];
    expect(entries.map(({ id }) => id)).toEqual(ids.toSorted(comparePositions));
    expect(new Set(ids).size).toBe(500);
    expect(entries.map(({ prev }) => prev)).toEqual([start, ...entries.slice(0, -1).map(({ id }) => id)]);
    await eventually(() => expect(live).toHaveLength(500));
    expect(live).toEqual(entries.map((entry) => ({ kind: 'message', ...entry })));
    expect((await control.readTopics([topic]))[0]?.last).toBe(entries.at(-1)?.id);
  });

  test('goes on rising when the log is gone', async () => {
    const { topic, live } = await someTopic();
    const first = await publish(topic);
    await redis.del(keys.topicLog(topic));
    const second = await publish(topic);
    expect(comparePositions(second, first)).toBeGreaterThan(0);
    expect((await control.readLog(topic, null, 10))?.entries).toMatchObject([{ id: second, prev: first }]);
    await eventually(() => expect(live.at(-1)).toMatchObject({ id: second, prev: first }));
  });

  test('passes on bytes as they are, live and from the log', async () => {
    const { topic, live } = await someTopic({ size: 1 });
    const text = fc.oneof(
      fc.json({ stringUnit: 'grapheme' }),
      fc.array(fc.nat({ max: 0x10_ffff })).map((codes) => JSON.stringify(String.fromCodePoint(...codes))),
    );
    const bytes = fc.oneof(
      text.map((json) => Buffer.from(json)),
      fc.uint8Array().map((array) => Buffer.from(array)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (data) => {
        const id = await publish(topic, data);
        const [entry] = (await control.readLog(topic, null, 1))?.entries ?? [];
        expect(entry?.data.equals(data)).toBe(true);
        await eventually(() => expect(live.at(-1)).toMatchObject({ id }));
        const last = live.at(-1);
        expect(last?.kind === 'message' && last.data.equals(data)).toBe(true);
      }),
    );
  });

  test('to a topic that does not exist does and leaves nothing, even where a log was left', async () => {
    const { topic, live } = await someTopic();
    await publish(topic);
    await eventually(() => expect(live).toHaveLength(1));
    await redis.del(keys.topic(topic));
    expect(await control.publish(topic, Buffer.from('1'), 'key')).toEqual({ kind: 'not-found' });
    expect(await redis.xlen(keys.topicLog(topic))).toBe(1);
    expect(await redis.exists(keys.topic(topic), keys.topicIdempotency(topic, 'key'))).toBe(0);
    await redis.spublish(keys.topicLive(topic), encodeProbe('end'));
    await eventually(() => expect(live.at(-1)).toMatchObject({ kind: 'probe' }));
    expect(live).toHaveLength(2);
  });
});

describe('publishing several messages at once', () => {
  test('is the same as one after the other: ids, chain, order, log and channel', async () => {
    const { topic, start, live } = await someTopic();
    const texts = Array.from({ length: 50 }, (_, index) => String(index));
    const outcomes = await control.publishAll(
      topic,
      texts.map((text) => ({ data: Buffer.from(text) })),
    );
    const entries = (await control.readLog(topic, null, 100))?.entries ?? [];
    expect(outcomes).toEqual(entries.map(({ id }) => ({ kind: 'published', id })));
    expect(entries.map(({ data }) => String(data))).toEqual(texts);
    expect(entries.map(({ id }) => id)).toEqual(entries.map(({ id }) => id).toSorted(comparePositions));
    expect(entries.map(({ prev }) => prev)).toEqual([start, ...entries.slice(0, -1).map(({ id }) => id)]);
    await eventually(() => expect(live).toEqual(entries.map((entry) => ({ kind: 'message', ...entry }))));
    expect((await control.readTopics([topic]))[0]?.last).toBe(entries.at(-1)?.id);
  });

  test('knows each idempotency key by its own message, also one given twice at once', async () => {
    const { topic, live } = await someTopic();
    const first = await publish(topic, '"known"', 'known');
    const outcomes = await control.publishAll(topic, [
      { data: Buffer.from('1') },
      { data: Buffer.from('"known"'), idempotencyKey: 'known' },
      { data: Buffer.from('3'), idempotencyKey: 'new' },
      { data: Buffer.from('3'), idempotencyKey: 'new' },
      { data: Buffer.from('4'), idempotencyKey: 'new' },
      { data: Buffer.from('3'), idempotencyKey: 'new', caller: 'another' },
      { data: Buffer.from('5') },
    ]);
    const entries = (await control.readLog(topic, null, 100))?.entries ?? [];
    expect(entries.map(({ data }) => String(data))).toEqual(['"known"', '1', '3', '5']);
    const [, one, three, five] = entries.map(({ id }) => id);
    expect(outcomes).toEqual([
      { kind: 'published', id: one },
      { kind: 'repeated', id: first },
      { kind: 'published', id: three },
      { kind: 'repeated', id: three },
      { kind: 'conflict' },
      { kind: 'conflict' },
      { kind: 'published', id: five },
    ]);
    await eventually(() => expect(live).toHaveLength(4));
    expect(await control.publish(topic, Buffer.from('3'), 'new')).toEqual({ kind: 'repeated', id: three });
  });

  test('to a topic that does not exist does and leaves nothing', async () => {
    const messages = [{ data: Buffer.from('1'), idempotencyKey: 'key' }, { data: Buffer.from('2') }];
    expect(await control.publishAll('missing', messages)).toEqual([{ kind: 'not-found' }, { kind: 'not-found' }]);
    const left = [keys.topic('missing'), keys.topicLog('missing'), keys.topicIdempotency('missing', 'key')];
    expect(await redis.exists(...left)).toBe(0);
  });

  test('that are all known already changes nothing', async () => {
    const { topic, live } = await someTopic();
    const id = await publish(topic, '1', 'key');
    const again = { data: Buffer.from('1'), idempotencyKey: 'key' };
    expect(await control.publishAll(topic, [again, again])).toEqual([
      { kind: 'repeated', id },
      { kind: 'repeated', id },
    ]);
    expect((await control.readTopics([topic]))[0]?.last).toBe(id);
    await publish(topic, '"end"');
    await eventually(() => expect(live).toHaveLength(2));
  });
});

describe('an idempotency key', () => {
  test('given again gives the same id, and neither appends nor tells', async () => {
    const { topic, live } = await someTopic();
    const id = await publish(topic, '"first"', 'key');
    expect(await control.publish(topic, Buffer.from('"first"'), 'key')).toEqual({ kind: 'repeated', id });
    const next = await publish(topic, '"third"');
    expect((await control.readLog(topic, null, 10))?.entries.map(({ data }) => String(data))).toEqual([
      '"first"',
      '"third"',
    ]);
    await eventually(() => expect(live.at(-1)).toMatchObject({ id: next }));
    expect(live).toHaveLength(2);
  });

  test('given by many at once publishes once', async () => {
    const { topic } = await someTopic();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => control.publish(topic, Buffer.from('1'), '{key}')),
    );
    expect(outcomes.filter(({ kind }) => kind === 'published')).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === 'repeated')).toHaveLength(19);
    expect(new Set(outcomes.map((outcome) => ('id' in outcome ? outcome.id : ''))).size).toBe(1);
  });

  test('belongs to its caller and its data: another caller or other data is a conflict, and publishes nothing', async () => {
    const { topic, live } = await someTopic();
    const data = Buffer.from('{"order":1}');
    const first = await control.publish(topic, data, 'key', 'shop');
    expect(first.kind).toBe('published');
    const conflicts = [
      await control.publish(topic, data, 'key', 'bank'),
      await control.publish(topic, data, 'key'),
      await control.publish(topic, Buffer.from('{"order":2}'), 'key', 'shop'),
      await control.publish(topic, Buffer.from('{"order": 1}'), 'key', 'shop'),
      // The end of the caller is not the beginning of the data.
      await control.publish(topic, Buffer.from('p{"order":1}'), 'key', 'sho'),
    ];
    expect(conflicts).toEqual(conflicts.map(() => ({ kind: 'conflict' })));
    expect(await control.publish(topic, data, 'key', 'shop')).toEqual({ ...first, kind: 'repeated' });
    expect((await control.readLog(topic, null, 10))?.entries).toHaveLength(1);
    expect(live.length).toBeLessThan(2);
  });

  test('is its topic’s own, and remembered for as long as promised', async () => {
    const [one, two] = [await someTopic(), await someTopic()];
    await publish(one.topic, '1', 'key');
    await publish(two.topic, '1', 'key');
    const left = await redis.pttl(keys.topicIdempotency(one.topic, 'key'));
    expect(left).toBeGreaterThan((IDEMPOTENCY_SECONDS - 60) * 1000);
    expect(left).toBeLessThanOrEqual(IDEMPOTENCY_SECONDS * 1000);
  });

  test('does not swallow a publish to a topic that was deleted and created again, at whatever time', async () => {
    const { topic } = await someTopic();
    const first = await publish(topic, '1', 'key');
    await control.deleteTopic(topic);
    await control.putTopic(topic, {});
    const second = await publish(topic, '2', 'key');
    expect(second).not.toBe(first);
    expect(await control.publish(topic, Buffer.from('2'), 'key')).toEqual({ kind: 'repeated', id: second });
    // Created in the same millisecond as the one before: only the incarnation differs.
    const [state] = await control.readTopics([topic]);
    const start = `${state?.start.split('-', 1)[0]}-${Number(state?.incarnation) + 1}`;
    await redis.del(keys.topicLog(topic));
    await redis.hset(keys.topic(topic), { born: start, last: start });
    await publish(topic, '4', 'key');
  });
});

describe('the history of a topic', () => {
  test('is as many messages as its size', async () => {
    const { topic } = await someTopic({ size: 3 });
    const ids = [];
    for (let index = 0; index < 10; index += 1) ids.push(await publish(topic, String(index)));
    expect((await control.readLog(topic, null, 100))?.entries.map(({ id }) => id)).toEqual(ids.slice(-3));
  });

  test('of size 0 keeps nothing and still tells the edges', async () => {
    const { topic, live } = await someTopic({ size: 0 });
    const [first, second] = [await publish(topic), await publish(topic)];
    expect(await control.readLog(topic, null, 100)).toMatchObject({ entries: [], last: second, firstPrev: null });
    await eventually(() => expect(live).toMatchObject([{ id: first }, { id: second, prev: first }]));
  });

  test('shrinks at once with its size', async () => {
    const { topic } = await someTopic({ size: 10 });
    for (let index = 0; index < 10; index += 1) await publish(topic);
    await control.putTopic(topic, { size: 4 });
    expect(await redis.xlen(keys.topicLog(topic))).toBe(4);
  });

  test('is gone that many seconds after the last message', async () => {
    const { topic } = await someTopic({ seconds: 40 });
    await publish(topic);
    const left = () => redis.pttl(keys.topicLog(topic));
    expect(await left()).toBeLessThanOrEqual(40_000);
    expect(await left()).toBeGreaterThan(20_000);
    await control.putTopic(topic, { seconds: 10 });
    expect(await left()).toBeLessThanOrEqual(10_000);
    await redis.pexpire(keys.topicLog(topic), 100_000);
    await publish(topic);
    expect(await left()).toBeLessThanOrEqual(10_000);
  });

  /** Redis trims by whole nodes of the stream (`stream-node-max-entries`). */
  const NODE = 100;
  const HOUR_MS = 3_600_000;

  /** A topic whose log holds three nodes of messages from an hour ago. */
  async function aged(seconds: number) {
    const { topic } = await someTopic({ size: 1000, seconds });
    const past = Date.now() - HOUR_MS;
    for (let index = 0; index < 3 * NODE; index += 1) {
      await redis.xadd(keys.topicLog(topic), `${past + index}-0`, 'p', `${past + index - 1}-0`, 'd', '1');
    }
    return topic;
  }

  test('loses what is older than its seconds when something is published', async () => {
    const topic = await aged(60);
    const id = await publish(topic);
    expect(await redis.xlen(keys.topicLog(topic))).toBeLessThanOrEqual(NODE + 1);
    expect((await control.readLog(topic, null, 1000))?.entries.at(-1)?.id).toBe(id);
  });

  test('loses what is older than its seconds when these get fewer', async () => {
    const topic = await aged(2 * 3600);
    await publish(topic);
    expect(await redis.xlen(keys.topicLog(topic))).toBe(3 * NODE + 1);
    await control.putTopic(topic, { seconds: 60 });
    expect(await redis.xlen(keys.topicLog(topic))).toBeLessThanOrEqual(NODE + 1);
  });
});

test('deleting a topic is published on its channel, after all that was published', async () => {
  const { topic, live } = await someTopic();
  const id = await publish(topic);
  await control.deleteTopic(topic);
  await eventually(() => expect(live).toHaveLength(2));
  expect(live).toMatchObject([{ kind: 'message', id }, { kind: 'deleted' }]);
});
