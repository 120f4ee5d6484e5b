import { CACHE_SECONDS, CHANNEL_HISTORY } from '@holdfast/protocol/pusher-limits';
import type { Position } from '@holdfast/protocol/position-order';
import type { Commands } from '@holdfast/redis/commands';
import { run } from '@holdfast/redis/script';
import type { ChannelEvent, ChannelPublishing } from '../broker.ts';
import type { Keys } from '../keys.ts';
import { answerOf, text } from '../lua/replies.ts';
import { loadScript } from '../lua/scripts.ts';
import { newIncarnation, randomStep } from '../random.ts';

const publishScript = loadScript('publish-to-channel', 'make-channel');

/** A channel that no edge has, and on which nothing is published, is kept for so long. Edges ask every 10 s at most. */
export const CHANNEL_TTL_MS = 120_000;

export function channelPublishing(redis: Commands, keys: Keys): ChannelPublishing {
  async function publishToChannel(topic: string, { frame, except, cached }: ChannelEvent): Promise<Position> {
    const touched = [keys.topic(topic), keys.topicLog(topic), ...(cached === true ? [keys.topicCached(topic)] : [])];
    const answer = await run(redis, publishScript, touched, [
      keys.topicLive(topic),
      randomStep(),
      frame,
      except ?? '',
      CHANNEL_HISTORY.size,
      CHANNEL_HISTORY.seconds,
      CHANNEL_TTL_MS,
      newIncarnation(),
      CACHE_SECONDS * 1000,
    ]);
    return text(answerOf('publish-to-channel', answer).rest[0]);
  }

  return { publishToChannel };
}
