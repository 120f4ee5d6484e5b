import { channelOfTopic, isCounted } from '@holdfast/protocol/pusher-channels';
import type { Commands } from '@holdfast/redis/commands';
import type { EventWriter } from '../events/writer.ts';
import type { Keys } from '../keys.ts';
import { appStore } from './apps.ts';
import { channelCounts } from './counts.ts';

/** Counts the subscribers of channels anew that an edge which is gone was taken out of: no other edge does, without a change. */
export function recounting(redis: Commands, keys: Keys, events: EventWriter) {
  const { countSubscribers } = channelCounts(redis, keys, events);
  const { readCounting } = appStore(redis, keys);

  /** Reads which apps want counts. Resolves with what is to be called for each topic that the edge was taken out of. */
  return async function recounted(edge: string): Promise<(topic: string) => Promise<void>> {
    const counting = await readCounting();
    return async (topic) => {
      const { appId, channel } = channelOfTopic(topic) ?? { appId: '', channel: '' };
      if (channel === '' || !isCounted(channel)) return;
      const isShown = counting.has(appId);
      if (isShown || events.isWanted('channel.subscription-count', topic)) {
        await countSubscribers(topic, edge, 0, isShown);
      }
    };
  };
}
