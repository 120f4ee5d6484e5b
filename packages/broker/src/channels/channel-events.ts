import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';
import type { ChannelEventType, EdgeChannels } from '../broker.ts';
import { type EventWriter, MAX_EVENTS } from '../events/writer.ts';

/** Events that no script writes, as nothing in Redis changes. */
export function channelEvents(
  redis: Commands,
  events: EventWriter,
): Pick<EdgeChannels, 'isChannelEventWanted' | 'writeChannelEvent'> {
  async function writeChannelEvent(
    topic: string,
    type: ChannelEventType,
    data: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    const stream = events.ofTopic(topic, type);
    if (stream === null) return;
    const text = JSON.stringify({ topic, ...data });
    await asked(redis.xadd(stream.stream, 'MAXLEN', '~', MAX_EVENTS, '*', 't', type, 'd', text));
    events.written(stream);
  }

  return {
    isChannelEventWanted: (topic, type) => events.isWanted(type, topic),
    writeChannelEvent,
  };
}
