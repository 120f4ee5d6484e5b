import { POSITION_FORM, type Position, comparePositions } from '@holdfast/protocol/position-order';
import { describe, expect, test } from 'vitest';
import { openBroker } from '../testing/brokers.ts';

const { redis, keys, control } = await openBroker();

const HOUR_MS = 3_600_000;
const RANDOM_STEPS = 1_000_000;
let count = 0;

/** A topic with a message, whose last id is so far from Redis' clock. */
async function someTopic(aheadMs: number) {
  const topic = `topic.${(count += 1)}`;
  await control.putTopic(topic, {});
  const last = `${Date.now() + aheadMs}-9`;
  await redis.xadd(keys.topicLog(topic), last, 'p', '1-1', 'd', '1');
  await redis.hset(keys.topic(topic), 'last', last);
  return { topic, last };
}

const someMessages = (length: number) => Array.from({ length }, (_, index) => ({ data: Buffer.from(String(index)) }));

async function publishAll(topic: string, length: number): Promise<Position[]> {
  const outcomes = await control.publishAll(topic, someMessages(length));
  return outcomes.map((outcome) => (outcome.kind === 'published' ? outcome.id : ''));
}

async function publish(topic: string): Promise<Position> {
  const [id = ''] = await publishAll(topic, 1);
  return id;
}

/** Publishes some messages from one state again and again, as one Redis and its replica do that lost the last writes. */
async function publishFromOneState(topic: string, rounds: number, length: number): Promise<Position[]> {
  const [topicKey, logKey] = [keys.topic(topic), keys.topicLog(topic)];
  const [state, log] = [await redis.dumpBuffer(topicKey), await redis.dumpBuffer(logKey)];
  const ids: Position[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await redis.restore(topicKey, 0, state, 'REPLACE');
    await redis.restore(logKey, 0, log, 'REPLACE');
    ids.push(...(await publishAll(topic, length)));
  }
  return ids;
}

describe('with the clock of Redis behind the last message', () => {
  test('ids strictly rise by a random step, within the millisecond of the last one', async () => {
    const { topic, last } = await someTopic(HOUR_MS);
    const ids = [last];
    for (let index = 0; index < 10; index += 1) ids.push(await publish(topic));
    const [ms] = last.split('-');
    const sequences = ids.map((id) => Number(id.slice(id.indexOf('-') + 1)));
    for (const id of ids) expect(id).toMatch(new RegExp(`^${ms}-[1-9]\\d*$`));
    const steps = sequences.slice(1).map((sequence, index) => sequence - (sequences[index] ?? 0));
    expect(Math.min(...steps)).toBeGreaterThan(0);
    expect(Math.max(...steps)).toBeLessThanOrEqual(RANDOM_STEPS);
    expect(new Set(steps).size).toBeGreaterThan(1);
  });

  test('those of a batch rise in its order, and each names the one before', async () => {
    const { topic, last } = await someTopic(HOUR_MS);
    const ids = await publishAll(topic, 50);
    expect([last, ...ids]).toEqual([last, ...ids].toSorted(comparePositions));
    expect(new Set(ids).size).toBe(50);
    for (const id of ids) expect(id).toMatch(POSITION_FORM);
    const entries = (await control.readLog(topic, last, 100))?.entries ?? [];
    expect(entries.map(({ id }) => id)).toEqual(ids);
    expect(entries.map(({ prev }) => prev)).toEqual([last, ...ids.slice(0, -1)]);
    expect(entries.map(({ data }) => String(data))).toEqual(someMessages(50).map(({ data }) => String(data)));
  });

  test('and its last writes lost, a Redis does not give the same ids to other messages', async () => {
    const { topic } = await someTopic(HOUR_MS);
    // One pair of twenty is the same once in some 5,000 runs, two pairs once in some 50 million.
    expect(new Set(await publishFromOneState(topic, 20, 1)).size).toBeGreaterThanOrEqual(19);
  });

  test('and its last writes lost, a Redis does not give the first ids of a batch again', async () => {
    const { topic } = await someTopic(HOUR_MS);
    // Two of the five batches that meet have at most four ids in common, once in some 10,000 runs.
    expect(new Set(await publishFromOneState(topic, 5, 4)).size).toBeGreaterThanOrEqual(16);
  });

  test('a topic goes on rising when its log is gone as well', async () => {
    const { topic, last } = await someTopic(HOUR_MS);
    await redis.del(keys.topicLog(topic));
    const id = await publish(topic);
    expect(comparePositions(id, last)).toBeGreaterThan(0);
    expect((await control.readLog(topic, null, 10))?.entries).toMatchObject([{ id, prev: last }]);
  });
});

describe('with the clock of Redis ahead of the last message', () => {
  test('an id is the time, and begins its millisecond at a random sequence', async () => {
    const sequences = new Set<string>();
    for (let round = 0; round < 5; round += 1) {
      const { topic } = await someTopic(-HOUR_MS);
      const [seconds, micros] = await redis.time();
      const [ms, sequence = ''] = (await publish(topic)).split('-');
      expect(Number(ms)).toBeGreaterThanOrEqual(Number(seconds) * 1000 + Math.floor(Number(micros) / 1000));
      expect(Number(sequence)).toBeLessThan(RANDOM_STEPS);
      sequences.add(sequence);
    }
    // That all of five are the same is no chance.
    expect(sequences.size).toBeGreaterThan(1);
  });

  test('and its last writes lost, a Redis does not give the same ids to other messages', async () => {
    const { topic } = await someTopic(-HOUR_MS);
    // Within one millisecond a pair may be the same, as above.
    expect(new Set(await publishFromOneState(topic, 50, 1)).size).toBeGreaterThanOrEqual(49);
  });

  test('those of a batch strictly rise in its order', async () => {
    const { topic } = await someTopic(-HOUR_MS);
    const ids = await publishAll(topic, 200);
    expect(ids).toEqual(ids.toSorted(comparePositions));
    expect(new Set(ids).size).toBe(200);
  });
});

test('a topic whose last id is within the present millisecond goes on by one', async () => {
  const { topic } = await someTopic(-HOUR_MS);
  const [first = '', ...others] = await publishAll(topic, 3);
  const [ms, sequence] = first.split('-');
  expect(others).toEqual([1, 2].map((step) => `${ms}-${Number(sequence) + step}`));
});
