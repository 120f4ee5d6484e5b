import { setTimeout as delay } from 'node:timers/promises';
import type { EventType } from '@holdfast/protocol/events';
import { INBOX_TOPIC, USER_TOPIC } from '@holdfast/protocol/topic-name';
import type { Commands } from '@holdfast/redis/commands';
import { run } from '@holdfast/redis/script';
import type { Keys } from '../keys.ts';
import { loadScript } from '../lua/scripts.ts';
import { isUserTopic } from '../users/user-topic.ts';
import { type Partition, eventPartitions } from './partitions.ts';
import { type WrittenEventType, eventsWanted } from './wanted.ts';

const noteChangedScript = loadScript('note-changed');

/** Partitions that events were written to are noted together: readers are as late as that. */
const GATHER_MS = 50;
const MAX_BATCH = 1_000;

/** In one stream, as in the scripts: twice the buffer of all events, so that readers, which count what is dropped, trim first. */
export const MAX_EVENTS = 2_000_000;

export type EventWriter = ReturnType<typeof eventWriter>;

/** Where events are written, and which are wanted there. */
interface EventStream extends Partition {
  /** Types with blanks between, as scripts take them. */
  types: string;
}

/**
 * Where scripts write the events of what they change. An event is one entry of a stream: `t` its type, `c` the id of the
 * client that it tells of, when it does, `d` its other data as JSON. A script writes it with what it changes, wholly or not
 * at all; that the stream has changed is noted afterwards, and only makes readers quick: they look at every stream by and by.
 */
export function eventWriter(redis: Commands, keys: Keys) {
  const partitions = eventPartitions(redis, keys);
  const wanted = eventsWanted(redis, keys);
  const changed = new Set<string>();
  let noting = false;

  /** Where events of a client are written; null when none of these types is wanted. */
  function ofClient(clientId: string, ...types: readonly EventType[]): EventStream | null {
    if (wanted.isEmpty()) return null;
    return streamOf(
      keys.client(clientId),
      types.filter((type) => wanted.isWanted(type)),
    );
  }

  /** Where events of a client's inbox are written; null when this type is not wanted of it. */
  function ofInbox(clientId: string, type: EventType): EventStream | null {
    return wanted.isWanted(type, INBOX_TOPIC) ? streamOf(keys.client(clientId), [type]) : null;
  }

  /** Where events of a topic or channel are written; null when none of these types is wanted of it. */
  function ofTopic(topic: string, ...types: readonly WrittenEventType[]): EventStream | null {
    if (wanted.isEmpty()) return null;
    // As events name it.
    const name = isUserTopic(topic) ? USER_TOPIC : topic;
    return streamOf(
      keys.topic(topic),
      types.filter((type) => wanted.isWanted(type, name)),
    );
  }

  function streamOf(key: string, types: readonly WrittenEventType[]): EventStream | null {
    return types.length === 0 ? null : { ...partitions.partitionOf(key), types: types.join(' ') };
  }

  /** To be called when a script has written to the partition, or may have. */
  function written(partition: Partition | null): void {
    if (partition === null) return;
    changed.add(partition.name);
    if (noting) return;
    noting = true;
    void note();
  }

  async function note(): Promise<void> {
    await delay(GATHER_MS);
    noting = false;
    const names = [...changed];
    changed.clear();
    for (let from = 0; from < names.length; from += MAX_BATCH) {
      const some = names.slice(from, from + MAX_BATCH);
      // Without the note the events are found all the same, later.
      await run(redis, noteChangedScript, [keys.eventsChanged()], some).catch(() => undefined);
    }
  }

  return { ...wanted, partitions, ofClient, ofInbox, ofTopic, written };
}
