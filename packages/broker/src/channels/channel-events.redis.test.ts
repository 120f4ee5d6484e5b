import { randomUUID } from 'node:crypto';
import { EVENT_TYPES } from '@holdfast/protocol/events';
import { channelTopic, onlineChannel, userChannel } from '@holdfast/protocol/pusher-channels';
import { afterEach, describe, expect, test } from 'vitest';
import type { EventOfChannel, WantedOfChannels } from '../broker.ts';
import { detailsOf, openBroker } from '../testing/brokers.ts';
import { CHANNEL_PRESENCE, newChannel } from '../testing/channels.ts';
import { testEvents } from '../testing/events.ts';

const its = await openBroker();
const { redis, keys, control, edge } = its;
const events = testEvents(redis, its);
afterEach(() => events.end());

const OF_CHANNELS: readonly EventOfChannel[] = [
  'topic.occupied',
  'topic.vacated',
  'member.joined',
  'member.left',
  'channel.cache-miss',
  'channel.client-event',
];

const allOf = (...apps: string[]): WantedOfChannels => Object.fromEntries(OF_CHANNELS.map((type) => [type, apps]));
const allOfTopics = Object.fromEntries(EVENT_TYPES.map((type) => [type, null]));
const typesOf = async (topic: string) => (await events.ofTopic(topic)).map(({ type }) => type);

/** All of a topic or channel that there may be events of. */
async function live(topic: string): Promise<void> {
  const id = randomUUID();
  await edge.renewLease(detailsOf(id));
  await edge.changeOccupancy(id, [topic], []);
  const change = { sequence: 2, confirmed: 0, first: 2, joined: [{ id: 'a"nn', info: '{"name":"\\""}' }], left: [] };
  await edge.changePresence(topic, id, change);
  await edge.changePresence(topic, id, { sequence: 3, confirmed: 2, first: 3, joined: [], left: ['a"nn'] });
  await edge.changeOccupancy(id, [], [topic]);
  const left = await redis.hget(keys.topicEdges(topic), 'left');
  if (left !== null) await redis.hincrby(keys.topicEdges(topic), 'left', -60_000);
  await redis.zadd(keys.topicsVacating(), 'XX', 1, topic);
  await control.vacateTopics();
}

async function liveChannel(topic: string): Promise<void> {
  await edge.openChannel(topic, CHANNEL_PRESENCE);
  await live(topic);
  await edge.writeChannelEvent(topic, 'channel.cache-miss', {});
  await edge.writeChannelEvent(topic, 'channel.client-event', { event: 'client-x', data: { a: 1 }, socket_id: '1.2' });
}

describe('events of a channel', () => {
  test('are written where its app wants them, with the name of the topic that it is', async () => {
    const topic = newChannel('presence-a=b@c,d.e;f');
    await events.want({}, allOf(appOf(topic)));
    await liveChannel(topic);
    const written = await events.ofTopic(topic);
    expect(written.map(({ type }) => type)).toEqual([
      'topic.occupied',
      'member.joined',
      'member.left',
      'topic.vacated',
      'channel.cache-miss',
      'channel.client-event',
    ]);
    expect(written[1]?.data).toMatchObject({ topic, member: { id: 'a"nn', info: { name: '"' } } });
    expect(written[5]?.data).toEqual({ topic, event: 'client-x', data: { a: 1 }, socket_id: '1.2' });
    expect(await redis.exists(keys.topicEdges(topic))).toBe(0);
  });

  test('are not written for other apps, nor for those who want all topics', async () => {
    const topic = newChannel('presence-a');
    await events.want(allOfTopics, allOf('other', `${appOf(topic)}x`));
    await liveChannel(topic);
    expect(await typesOf(topic)).toEqual([]);
    for (const type of ['channel.cache-miss', 'channel.client-event'] as const) {
      expect(edge.isChannelEventWanted(topic, type)).toBe(false);
      expect(edge.isChannelEventWanted(channelTopic('other', 'a'), type)).toBe(true);
    }
  });

  test('are of topics never, whatever apps want', async () => {
    const topic = randomUUID();
    await control.putTopic(topic, { presence: CHANNEL_PRESENCE });
    await events.want({}, allOf(topic, ''));
    expect(edge.isOccupancyWanted(topic)).toBe(false);
    await live(topic);
    expect(await typesOf(topic)).toEqual([]);
  });

  test('are not written of the channels of users', async () => {
    const appId = randomUUID();
    await events.want({}, allOf(appId));
    for (const channel of [userChannel('a[?*'), onlineChannel('ann')]) {
      const topic = channelTopic(appId, channel);
      await liveChannel(topic);
      expect(await typesOf(topic)).toEqual([]);
    }
  });

  test('are not written any more once no app wants them', async () => {
    const topic = newChannel('presence-a');
    await events.want({}, allOf(appOf(topic)));
    await events.end();
    await liveChannel(topic);
    expect(await typesOf(topic)).toEqual([]);
    expect(await redis.exists(keys.topicEdges(topic))).toBe(0);
  });
});

test('which edges have a channel is written whatever events are wanted', async () => {
  const [topic, channel] = [randomUUID(), newChannel()];
  expect([topic, channel].map((one) => edge.isOccupancyWanted(one))).toEqual([false, true]);
  expect(edge.isOccupancyWanted()).toBe(false);
  await events.want({ 'topic.occupied': null }, {});
  expect([topic, channel, undefined].map((one) => edge.isOccupancyWanted(one))).toEqual([true, true, true]);
});

function appOf(topic: string): string {
  return topic.split('!')[1] ?? '';
}
