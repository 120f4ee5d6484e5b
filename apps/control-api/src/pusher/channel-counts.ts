import type { ControlBroker } from '@holdfast/broker/broker';
import { channelKind, channelTopic } from '@holdfast/protocol/pusher-channels';
import type { ChannelAttribute, ChannelCounts } from '@holdfast/protocol/pusher-rest';

type Counting = Pick<ControlBroker, 'readChannels' | 'surveySubscribers'>;

/** Each is a question to the edges, and its answers are looked for in Redis until all are there. */
const MAX_SURVEYS = 50;

/**
 * What is asked of channels, in the order given: of each what there is of its kind. The number of subscriptions is not
 * there when an edge did not answer in time; then no further ones are counted.
 */
export async function countChannels(
  broker: Counting,
  appId: string,
  channels: readonly string[],
  asked: ReadonlySet<ChannelAttribute>,
): Promise<ChannelCounts[]> {
  const counts = new Map<string, ChannelCounts>(channels.map((channel) => [channel, {}]));
  const all = [...counts.keys()];
  if (asked.has('user_count')) {
    const withUsers = all.filter(isPresence);
    const states =
      withUsers.length > 0 ? await broker.readChannels(withUsers.map((name) => channelTopic(appId, name))) : [];
    for (const [index, channel] of withUsers.entries()) {
      counts.set(channel, { user_count: states[index]?.users ?? 0 });
    }
  }
  if (asked.has('subscription_count')) {
    const others = all.filter((channel) => !isPresence(channel));
    for (let from = 0; from < others.length; from += MAX_SURVEYS) {
      const some = others.slice(from, from + MAX_SURVEYS);
      const numbers = await Promise.all(some.map((name) => broker.surveySubscribers(channelTopic(appId, name))));
      for (const [index, channel] of some.entries()) {
        const number = numbers[index];
        if (number !== undefined) counts.set(channel, { subscription_count: number });
      }
      if (numbers.includes(undefined)) break;
    }
  }
  return channels.map((channel) => counts.get(channel) ?? {});
}

function isPresence(channel: string): boolean {
  return channelKind(channel).access === 'presence';
}
