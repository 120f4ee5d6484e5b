import type { Commands } from '@holdfast/redis/commands';
import { run } from '@holdfast/redis/script';
import type { EdgeChannels } from '../broker.ts';
import type { EventWriter } from '../events/writer.ts';
import type { Keys } from '../keys.ts';
import { answerOf } from '../lua/replies.ts';
import { loadScript } from '../lua/scripts.ts';

const countScript = loadScript('count-subscribers');

export function channelCounts(
  redis: Commands,
  keys: Keys,
  events: EventWriter,
): Pick<EdgeChannels, 'countSubscribers'> {
  async function countSubscribers(topic: string, edge: string, count: number, publish: boolean) {
    const stream = events.ofTopic(topic, 'channel.subscription-count');
    const touched = [keys.topicEdges(topic), ...(stream === null ? [] : [stream.stream])];
    const answer = await run(redis, countScript, touched, [edge, count, keys.topicLive(topic), publish ? 1 : 0]);
    const { kind, rest } = answerOf('count-subscribers', answer);
    if (kind === 0) return null;
    events.written(stream);
    return Number(rest[0]);
  }

  return { countSubscribers };
}
