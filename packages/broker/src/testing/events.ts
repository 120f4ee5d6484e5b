import { USER_TOPIC } from '@holdfast/protocol/topic-name';
import type { Commands } from '@holdfast/redis/commands';
import type { Events, WantedOfChannels } from '../broker.ts';
import { type Partition, eventPartitions } from '../events/partitions.ts';
import { type StoredEvent, decodeEvent } from '../events/stored-event.ts';
import { type WantedEvents, type WrittenEventType, eventsWanted } from '../events/wanted.ts';
import type { Keys } from '../keys.ts';
import { isUserTopic, userOfTopic } from '../users/user-topic.ts';

/** An event as it lies in its stream. */
export interface WrittenEvent {
  /** Of the entry. */
  id: string;
  type: WrittenEventType;
  /** The client that it tells of; undefined for what tells of none. */
  clientId?: string;
  data: Record<string, unknown>;
}

interface Brokers {
  readonly keys: Keys;
  readonly control: Pick<Events, 'refreshEvents'>;
  readonly edge: { refreshEvents(): Promise<unknown> };
}

export type TestEvents = ReturnType<typeof testEvents>;

/** Has events written by both brokers of a test, and reads them. */
export function testEvents(redis: Commands, { keys, control, edge }: Brokers) {
  const partitions = eventPartitions(redis, keys);
  const wanted = eventsWanted(redis, keys);

  const refresh = async () => void (await Promise.all([control.refreshEvents(), edge.refreshEvents()]));

  async function read({ name, stream }: Partition): Promise<WrittenEvent[]> {
    const entries = await redis.xrange(stream, '-', '+');
    return entries.flatMap(([id, fields]) => decodeEvent(name, id, fields) ?? []).map((event) => eventOf(event));
  }

  return {
    partitions,
    /** Both brokers write these from here on. */
    want: async (types: WantedEvents, channels: WantedOfChannels = {}) => {
      await wanted.keep(types, [], channels);
      await refresh();
    },
    /** Both write none any more. */
    end: async () => {
      await wanted.keep({});
      await refresh();
    },
    /** Those of a client, in their order. */
    ofClient: async (clientId: string) =>
      (await read(partitions.partitionOf(keys.client(clientId)))).filter((event) => event.clientId === clientId),
    /** Those of a topic, in their order. */
    ofTopic: async (topic: string) =>
      (await read(partitions.partitionOf(keys.topic(topic)))).filter(({ data }) => {
        if (!isUserTopic(topic)) return data['topic'] === topic;
        return data['topic'] === USER_TOPIC && data['user'] === userOfTopic(topic);
      }),
    /** All, partition after partition. */
    all: async () => {
      const numbers = Array.from({ length: partitions.count }, (_, number) => number);
      return (await Promise.all(numbers.map((number) => read(partitions.partition(number))))).flat();
    },
    /** The names of the partitions that were noted as changed. */
    changed: () => redis.zrange(keys.eventsChanged(), '0', '-1'),
  };
}

function eventOf({ position, type, clientId, data }: StoredEvent): WrittenEvent {
  return {
    id: position,
    type: type as WrittenEventType,
    ...(clientId === null ? {} : { clientId }),
    data: JSON.parse(data) as Record<string, unknown>,
  };
}
