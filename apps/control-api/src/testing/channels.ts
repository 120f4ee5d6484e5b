import { randomUUID } from 'node:crypto';
import { redisKeys } from '@holdfast/broker/keys';
import { edgeBroker } from '@holdfast/broker/redis-broker';
import { channelTopic } from '@holdfast/protocol/pusher-channels';
import { eventually } from '@holdfast/testkit/eventually';
import { expect } from 'vitest';
import type { TestEvents } from './webhooks.ts';

/** Longer than a channel has to be empty until it is vacated. */
const LONG_MS = 60_000;

/**
 * An edge that writes of the channels of an app what edges do.
 * @param isWanted whether it waits until all events of the app are wanted
 */
export async function channelEdge(
  { redis, prefix, control }: TestEvents,
  appId = 'app',
  { isWanted = true }: { isWanted?: boolean } = {},
) {
  const keys = redisKeys(prefix);
  const edge = edgeBroker(redis.commands, prefix);
  const id = randomUUID();
  const topicOf = (channel: string): string => channelTopic(appId, channel);
  await eventually(async () => {
    await edge.refreshEvents();
    expect(edge.isChannelEventWanted(topicOf('a'), 'channel.cache-miss')).toBe(isWanted);
  });
  let sequence = 1;

  async function changeMembers(channel: string, joined: string[], left: string[]): Promise<void> {
    const topic = topicOf(channel);
    await edge.openChannel(topic, { by: 'user', show: 'members', limit: 100, graceSeconds: 0 });
    await edge.notePresence(id, [topic]);
    const confirmed = sequence === 1 ? 0 : sequence;
    sequence += 1;
    const members = joined.map((member) => ({ id: member, info: '{"name":"N"}' }));
    await edge.changePresence(topic, id, { sequence, confirmed, first: sequence, joined: members, left });
  }

  return {
    broker: edge,
    occupy: (channel: string) => edge.changeOccupancy(id, [topicOf(channel)], []),
    /** The channel is empty, and its time is over. */
    vacate: async (channel: string) => {
      const topic = topicOf(channel);
      await edge.changeOccupancy(id, [], [topic]);
      await redis.commands.hincrby(keys.topicEdges(topic), 'left', -LONG_MS);
      await redis.commands.zadd(keys.topicsVacating(), 'XX', 1, topic);
      await control.refreshEvents();
      await control.vacateTopics();
    },
    join: (channel: string, member: string) => changeMembers(channel, [member], []),
    leave: (channel: string, member: string) => changeMembers(channel, [], [member]),
    miss: (channel: string) => edge.writeChannelEvent(topicOf(channel), 'channel.cache-miss', {}),
    send: (channel: string, data: { event: string; data: unknown; socket_id: string; user_id?: string }) =>
      edge.writeChannelEvent(topicOf(channel), 'channel.client-event', data),
    count: (channel: string, count: number) => edge.countSubscribers(topicOf(channel), id, count, false),
  };
}
