import { randomUUID } from 'node:crypto';
import { channelOfTopic } from '@holdfast/protocol/pusher-channels';
import { eventually } from '@holdfast/testkit/eventually';
import { expect, test } from 'vitest';
import { detailsOf, openBroker, openRedis } from '../testing/brokers.ts';
import { newChannel } from '../testing/channels.ts';
import { testEvents } from '../testing/events.ts';

const its = await openBroker();
const { redis, keys, control, edge } = its;
const events = testEvents(redis, its);

/** A channel that three edges have. */
async function sharedChannel() {
  const topic = newChannel();
  const edges = [randomUUID(), randomUUID(), randomUUID()] as const;
  for (const id of edges) {
    await edge.renewLease(detailsOf(id));
    await edge.changeOccupancy(id, [topic], []);
  }
  const count = (id: string, number: number) => edge.countSubscribers(topic, id, number, false);
  return { topic, edges, count };
}

test('subscribers are added up over all edges, each with one that has not counted', async () => {
  const { edges, count } = await sharedChannel();
  expect(await count(edges[0], 7)).toBe(9);
  expect(await count(edges[1], 4)).toBe(12);
  expect(await count(edges[2], 0)).toBe(11);
  expect(await count(edges[0], 2)).toBe(6);
});

test('an edge that is not written as having the channel counts none, and changes nothing', async () => {
  const { topic, count } = await sharedChannel();
  const other = randomUUID();
  expect(await count(other, 3)).toBeNull();
  expect(await redis.hexists(keys.topicEdges(topic), `e${other}`)).toBe(0);
  await edge.changeOccupancy(other, [topic], []);
  expect(await count(other, 3)).toBe(6);
});

test('the last subscribers of an edge are taken off also when the edge was taken out before', async () => {
  const { topic, edges, count } = await sharedChannel();
  await count(edges[0], 7);
  await edge.changeOccupancy(edges[0], [], [topic]);
  expect(await count(edges[0], 0)).toBe(2);
  for (const id of edges) await edge.changeOccupancy(id, [], [topic]);
  expect(await count(edges[0], 0)).toBe(0);
  expect(await redis.exists(keys.topicEdges(topic))).toBe(0);
});

test('a count stays when it is written again that the edge has the channel', async () => {
  const { topic, edges, count } = await sharedChannel();
  await count(edges[0], 7);
  await edge.changeOccupancy(edges[0], [topic], []);
  expect(await edge.checkOccupancy(edges[0], [topic])).toEqual([]);
  expect(await count(edges[1], 1)).toBe(9);
});

test('those of an edge that died are not counted once it was taken out, whatever events are wanted', async () => {
  const { topic, edges, count } = await sharedChannel();
  await count(edges[0], 7);
  await edge.dropLease(edges[0]);
  await control.vacateTopics();
  expect(await count(edges[1], 1)).toBe(2);
  for (const id of edges) await edge.dropLease(id);
  await control.vacateTopics();
  expect(await redis.exists(keys.topicEdges(topic), ...edges.map((id) => keys.edgeTopics(id)))).toBe(0);
  expect(await redis.smismember(keys.edgesWithTopics(), ...edges)).toEqual([0, 0, 0]);
});

test('what is left of them then is published where the app wants that, and is an event where that is wanted', async () => {
  const { topic, edges, count } = await sharedChannel();
  const other = await sharedChannel();
  const appId = channelOfTopic(topic)?.appId ?? '';
  const app = { apiKey: 'k', appId, key: randomUUID(), secret: 's', clientEvents: false, subscriptionCount: true };
  await control.writeApps([{ ...app, maxEventBytes: 1, maxPresenceMembers: 1 }], []);
  await events.want({}, { 'channel.subscription-count': [appId] });
  const published: string[] = [];
  const subscriber = await openRedis('subscriber');
  subscriber.on('smessage', (_channel: string, text: string) => published.push(text));
  await subscriber.ssubscribe(keys.topicLive(topic));
  await subscriber.ssubscribe(keys.topicLive(other.topic));
  await count(edges[0], 7);
  await edge.dropLease(edges[0]);
  await edge.dropLease(other.edges[0]);
  await control.vacateTopics();
  await eventually(() => expect(published).toEqual(['subscribers 2']));
  expect(await events.ofTopic(topic)).toMatchObject([
    { data: { topic, subscription_count: 9 } },
    { data: { topic, subscription_count: 2 } },
  ]);
  expect(await events.ofTopic(other.topic)).toEqual([]);
  await events.end();
});

test('a count is an event where that is wanted, and only there', async () => {
  const { topic, edges, count } = await sharedChannel();
  await count(edges[0], 2);
  await events.want({}, { 'channel.subscription-count': [channelOfTopic(topic)?.appId ?? ''] });
  expect(edge.isChannelEventWanted(topic, 'channel.subscription-count')).toBe(true);
  expect(edge.isChannelEventWanted(newChannel(), 'channel.subscription-count')).toBe(false);
  await count(edges[0], 7);
  expect(await count(randomUUID(), 7)).toBeNull();
  expect(await events.ofTopic(topic)).toMatchObject([
    { type: 'channel.subscription-count', data: { topic, subscription_count: 9 } },
  ]);
  await events.end();
});
