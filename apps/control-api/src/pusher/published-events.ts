import type { ChannelPublishing } from '@holdfast/broker/broker';
import type { PusherApp } from '@holdfast/protocol/pusher-app';
import { channelKind, channelTopic } from '@holdfast/protocol/pusher-channels';
import { ProblemError } from '../http/problem-error.ts';

/** One event on one channel. */
export interface PublishedEvent {
  name: string;
  channel: string;
  data: string;
  /** The connection that does not get it. */
  socketId: string | null;
}

/**
 * Publishes to several channels side by side, and to each in the order given. Rejects with `RedisUnavailable`, once all have
 * been tried, when one of them was not published to, or may not have been.
 * @param onPublished called for each event that was published
 */
export async function publishEvents(
  broker: ChannelPublishing,
  { appId }: PusherApp,
  events: readonly PublishedEvent[],
  onPublished: () => void,
): Promise<void> {
  const byChannel = Map.groupBy(events, ({ channel }) => channel);
  const outcomes = await Promise.allSettled(
    [...byChannel].map(async ([channel, ofChannel]) => {
      const { cache } = channelKind(channel);
      for (const event of ofChannel) {
        await broker.publishToChannel(channelTopic(appId, channel), {
          frame: frameOf(event),
          ...(event.socketId === null ? {} : { except: event.socketId }),
          ...(cache ? { cached: true } : {}),
        });
        onPublished();
      }
    }),
  );
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** What subscribers are sent: edges pass it on as it is. */
function frameOf({ name, channel, data }: PublishedEvent): Buffer {
  return Buffer.from(JSON.stringify({ event: name, channel, data }));
}

/** The data of such a frame. */
export function dataOf(frame: Buffer): string {
  const { data } = JSON.parse(frame.toString()) as { data: unknown };
  return typeof data === 'string' ? data : JSON.stringify(data);
}

/** @throws {ProblemError} payload-too-large */
export function requireSize({ maxEventBytes }: PusherApp, data: string, field: string): void {
  if (Buffer.byteLength(data) <= maxEventBytes) return;
  throw new ProblemError('payload-too-large', { errors: [{ field, rule: `must be at most ${maxEventBytes} bytes` }] });
}
