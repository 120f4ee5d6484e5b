import type { EventType } from '@holdfast/protocol/events';
import type { Commands } from '@holdfast/redis/commands';
import type { ControlBroker, EdgeBroker } from '../broker.ts';
import { type Partition, eventPartitions } from '../events/partitions.ts';
import { type WantedEvents, eventsWanted } from '../events/wanted.ts';
import type { Keys } from '../keys.ts';

/** An event as it lies in its stream. */
export interface WrittenEvent {
  /** Of the entry. */
  id: string;
  type: EventType;
  /** The client that it tells of; undefined for what tells of none. */
  clientId?: string;
  data: Record<string, unknown>;
}

interface Brokers {
  readonly keys: Keys;
  readonly control: ControlBroker;
  readonly edge: EdgeBroker;
}

export type TestEvents = ReturnType<typeof testEvents>;

/** Has events written by both brokers of a test, and reads them. */
export function testEvents(redis: Commands, { keys, control, edge }: Brokers) {
  const partitions = eventPartitions(redis, keys);
  const wanted = eventsWanted(redis, keys);

  const refresh = async () => void (await Promise.all([control.refreshEvents(), edge.refreshEvents()]));

  async function read({ stream }: Partition): Promise<WrittenEvent[]> {
    return (await redis.xrange(stream, '-', '+')).map(([id, flat]) => eventOf(id, flat));
  }

  return {
    partitions,
    /** Both brokers write these from here on. */
    want: async (types: WantedEvents) => {
      await wanted.keep(types);
      await refresh();
    },
    /** Both write none any more. */
    end: async () => {
      await wanted.end();
      await refresh();
    },
    /** Those of a client, in their order. */
    ofClient: async (clientId: string) =>
      (await read(partitions.partitionOf(keys.client(clientId)))).filter((event) => event.clientId === clientId),
    /** Those of a topic, in their order. */
    ofTopic: async (topic: string) =>
      (await read(partitions.partitionOf(keys.topic(topic)))).filter((event) => event.data['topic'] === topic),
    /** All, partition after partition. */
    all: async () => {
      const numbers = Array.from({ length: partitions.count }, (_, number) => number);
      return (await Promise.all(numbers.map((number) => read(partitions.partition(number))))).flat();
    },
    /** The names of the partitions that were noted as changed. */
    changed: () => redis.zrange(keys.eventsChanged(), '0', '-1'),
  };
}

function eventOf(id: string, flat: readonly string[]): WrittenEvent {
  const fields: Record<string, string | undefined> = {};
  for (let at = 0; at + 1 < flat.length; at += 2) fields[flat[at] ?? ''] = flat[at + 1];
  const { t: type = '', c: clientId, d: data = '' } = fields;
  return {
    id,
    type: type as EventType,
    ...(clientId === undefined ? {} : { clientId }),
    data: JSON.parse(data) as Record<string, unknown>,
  };
}
