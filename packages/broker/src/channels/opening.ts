import { CHANNEL_HISTORY } from '@holdfast/protocol/pusher-limits';
import type { Commands } from '@holdfast/redis/commands';
import { runForBuffers } from '@holdfast/redis/script';
import type { CachedEvent, EdgeChannels, OpenChannel } from '../broker.ts';
import type { Keys } from '../keys.ts';
import { UnexpectedAnswer, answerOf, topicOf } from '../lua/replies.ts';
import { loadScript } from '../lua/scripts.ts';
import { newIncarnation } from '../random.ts';
import type { TopicState } from '../topics/state.ts';
import { kindOf } from './names.ts';
import { CHANNEL_TTL_MS } from './publishing.ts';

const openScript = loadScript('open-channel', 'make-channel');

export function channelOpening(redis: Commands, keys: Keys): Pick<EdgeChannels, 'openChannel'> {
  async function openChannel(topic: string, presence: TopicState['presence']): Promise<OpenChannel> {
    const touched = [
      keys.topic(topic),
      keys.topicLog(topic),
      ...(kindOf(topic).cache ? [keys.topicCached(topic)] : []),
    ];
    const answer = await runForBuffers(redis, openScript, touched, [
      CHANNEL_HISTORY.size,
      CHANNEL_HISTORY.seconds,
      CHANNEL_TTL_MS,
      newIncarnation(),
      presence === null ? '' : JSON.stringify(presence),
      keys.topicHere(topic),
    ]);
    const [fields, cached, ttlMs] = answerOf('open-channel', answer).rest;
    const state = topicOf(fields);
    if (state === null || !Buffer.isBuffer(cached)) throw new UnexpectedAnswer('open-channel', answer);
    return { state, cached: cachedEvent(cached, Number(ttlMs)) };
  }

  return { openChannel };
}

/** From `<id> <frame>`; null when there is none. */
export function cachedEvent(stored: Buffer, ttlMs: number): CachedEvent | null {
  const end = stored.indexOf(' ');
  if (end < 0 || ttlMs <= 0) return null;
  return { id: stored.toString('latin1', 0, end), frame: stored.subarray(end + 1), ttlMs };
}
