import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';
import { INBOX_TOPIC } from '@holdfast/protocol/topic-name';
import type { LossEvents, TopicLoss } from '../broker.ts';
import { type EventWriter, MAX_EVENTS } from './writer.ts';

/** Events of what an edge announced as lost: the one type that no script writes, as nothing in Redis changes. */
export function lossEvents(redis: Commands, events: EventWriter): LossEvents {
  async function writeLosses(edge: string, losses: readonly TopicLoss[]): Promise<TopicLoss[]> {
    const results = await Promise.allSettled(losses.map((loss) => write(edge, loss)));
    return losses.filter((_, index) => results[index]?.status === 'rejected');
  }

  async function write(edge: string, { topic, clientId, connections, after, position }: TopicLoss): Promise<void> {
    const stream =
      clientId === undefined ? events.ofTopic(topic, 'topic.lost') : events.ofInbox(clientId, 'topic.lost');
    if (stream === null) return;
    const data = JSON.stringify({ topic, edge, connections, after, position });
    const client = clientId === undefined ? [] : ['c', clientId];
    const fields = ['t', 'topic.lost', ...client, 'd', data];
    await asked(redis.xadd(stream.stream, 'MAXLEN', '~', MAX_EVENTS, '*', ...fields));
    events.written(stream);
  }

  return {
    isLossWanted: (topic) =>
      topic === INBOX_TOPIC ? events.isWanted('topic.lost', topic) : events.ofTopic(topic, 'topic.lost') !== null,
    writeLosses,
  };
}
