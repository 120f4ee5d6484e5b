import { randomUUID } from 'node:crypto';
import { eventually } from '@holdfast/testkit/eventually';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ServedClient } from '../broker.ts';
import { liveSubscriber } from '../live/subscriber.ts';
import type { LivePayload } from '../live/payload.ts';
import { openBroker, openRedis } from '../testing/brokers.ts';

const { redis, keys, control, edge } = await openBroker();

/** An edge that holds so many subscribers of each topic, serves these clients, and answers like a real one. */
async function openEdge(
  topics: Record<string, number>,
  served: Record<string, ServedClient> = {},
  answers: (surveyId: string, payload: unknown) => Promise<void> = (surveyId, payload) =>
    edge.answer(surveyId, payload),
) {
  const id = randomUUID();
  const subscribed = new Set<string>();
  const answer = (payload: LivePayload, topic?: string) => {
    if (payload.kind === 'count') void answers(payload.surveyId, topics[topic ?? ''] ?? 0);
    if (payload.kind === 'served') void answers(payload.surveyId, served[payload.clientId] ?? null);
  };
  const subscriber = await openRedis('subscriber');
  const channels = liveSubscriber({ kind: 'one', openSubscriber: () => subscriber }, keys, id, {
    onTopic: (topic, payload) => answer(payload, topic),
    onOwn: (payload) => answer(payload),
    onWakeUp: () => undefined,
    onSubscribed: (names) => {
      for (const topic of names) subscribed.add(topic);
    },
    onDisconnected: () => undefined,
  });
  onTestFinished(channels.start());
  for (const topic of Object.keys(topics)) channels.subscribe(topic);
  await eventually(async () => {
    expect([...subscribed].toSorted()).toEqual(Object.keys(topics).toSorted());
    expect(await edge.sendProbe(id, 'up')).toBe(1);
  });
  return id;
}

const silent = async () => undefined;

describe('asking an edge what it serves to a client', () => {
  test('gives its answer', async () => {
    const clientId = randomUUID();
    const served = { generation: 9, connection: 'c1', topics: { news: '5-0', '@me': '7-1' } };
    const id = await openEdge({}, { [clientId]: served });
    expect(await control.surveyServed(id, clientId)).toEqual(served);
  });

  test('gives null when it holds no connection of the client', async () => {
    expect(await control.surveyServed(await openEdge({}), randomUUID())).toBeNull();
  });

  test('gives undefined when it does not answer in time, and at once when it does not listen', async () => {
    expect(await control.surveyServed(await openEdge({}, {}, silent), randomUUID())).toBeUndefined();
    expect(await control.surveyServed(randomUUID(), randomUUID())).toBeUndefined();
  });

  test('keeps the answers to many surveys at once apart', async () => {
    const clients = Array.from({ length: 100 }, () => randomUUID());
    const served = Object.fromEntries(
      clients.map((id, index) => [id, { generation: index, connection: `c${index}`, topics: {} }]),
    );
    const id = await openEdge({}, served);
    const answers = await Promise.all(clients.map((clientId) => control.surveyServed(id, clientId)));
    expect(answers).toEqual(Object.values(served));
  });
});

describe('asking for the subscribers of a topic', () => {
  test('adds up the answers of all edges', async () => {
    const topic = randomUUID();
    await openEdge({ [topic]: 3 });
    await openEdge({ [topic]: 0 });
    await openEdge({ [topic]: 4, other: 100 });
    await openEdge({ other: 100 });
    expect(await control.surveySubscribers(topic)).toBe(7);
  });

  test('gives 0 when no edge has one', async () => {
    expect(await control.surveySubscribers(randomUUID())).toBe(0);
  });

  test('gives undefined when one edge does not answer in time, though the others do', async () => {
    const topic = randomUUID();
    await openEdge({ [topic]: 3 });
    await openEdge({ [topic]: 4 }, {}, silent);
    expect(await control.surveySubscribers(topic)).toBeUndefined();
  });
});

test('answers go away by themselves', async () => {
  const surveyId = randomUUID();
  await edge.answer(surveyId, 7);
  const left = await redis.pttl(keys.answers(surveyId));
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(5000);
});
