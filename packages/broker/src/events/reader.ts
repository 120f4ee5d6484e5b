import type { Commands } from '@holdfast/redis/commands';
import { asked, run } from '@holdfast/redis/script';
import type { Keys } from '../keys.ts';
import { UnexpectedAnswer, answerOf } from '../lua/replies.ts';
import { loadScript } from '../lua/scripts.ts';
import { type Partition, eventPartitions } from './partitions.ts';
import { type StoredEvent, decodeEvent } from './stored-event.ts';
import { eventStreams } from './streams.ts';

const endScript = loadScript('end-of-events');
const trimScript = loadScript('trim-events');

/** Entries that one script looks at when it trims: of messages they may have 64 KiB each. */
const TRIM_STEP = 100;

/** Pieces of a stream, of 4 KiB or one entry each, that are looked at for its size. */
const SIZE_SAMPLES = 50;

/** What a partition holds. */
export interface PartitionSize {
  readonly length: number;
  /** Of Redis' memory, about. */
  readonly bytes: number;
}

/** What goes first when a partition is trimmed. */
export interface TrimBounds {
  /** Events that may stay. */
  readonly keep: number;
  /** The position before which none stays. */
  readonly before: string;
  /** Of the endpoint that is furthest behind; null: no event is missed. */
  readonly lowestCursor: string | null;
  /** Of those beyond `keep` only what is not beyond that cursor goes. */
  readonly sparesMissed?: boolean;
}

/** A piece of a partition. */
export interface EventPage {
  readonly events: readonly StoredEvent[];
  /** The last entry that was read, also one that is no event of ours; null when there was none. */
  readonly last: string | null;
  /** Whether it ended because there was no more. */
  readonly isEnd: boolean;
}

export interface PlaceOfEvent {
  readonly partition: string;
  readonly position: string;
}

/** The streams of events, for those who deliver them. All reject with RedisUnavailable. */
export function eventReader(redis: Commands, keys: Keys) {
  const partitions = eventPartitions(redis, keys);
  const streams = eventStreams(redis, keys);

  /** @throws RangeError for a name that no partition has */
  function named(name: string): Partition {
    const number = Number(name);
    if (!Number.isInteger(number) || number < 0 || number >= partitions.count) {
      throw new RangeError(`no partition "${name}"`);
    }
    return partitions.partition(number);
  }

  /** Whether there is such a partition: another number of them has an installation that became a Cluster. */
  function isPartition(name: string): boolean {
    return /^\d{1,5}$/.test(name) && Number(name) < partitions.count;
  }

  async function readAfter(name: string, position: string, count: number): Promise<EventPage> {
    const { stream } = named(name);
    const entries = await asked(redis.xrange(stream, `(${position}`, '+', 'COUNT', count));
    const events = entries.flatMap(([id, fields]) => decodeEvent(name, id, fields) ?? []);
    return { events, last: entries.at(-1)?.[0] ?? null, isEnd: entries.length < count };
  }

  /** Events by their places; null for one that is not there any more. */
  async function readEvents(places: readonly PlaceOfEvent[]): Promise<(StoredEvent | null)[]> {
    return Promise.all(
      places.map(async ({ partition, position }) => {
        if (!isPartition(partition)) return null;
        const [entry] = await asked(redis.xrange(named(partition).stream, position, position, 'COUNT', 1));
        return entry === undefined ? null : decodeEvent(partition, position, entry[1]);
      }),
    );
  }

  /** Partitions that were noted as written to since then, with the time of the note in ms by the clock of Redis. */
  async function changedSince(ms: number): Promise<{ name: string; at: number }[]> {
    const found = await asked(redis.zrangebyscore(keys.eventsChanged(), ms, '+inf', 'WITHSCORES'));
    return Array.from({ length: Math.floor(found.length / 2) }, (_, index) => ({
      name: found[2 * index] ?? '',
      at: Number(found[2 * index + 1]),
    })).filter(({ name }) => isPartition(name));
  }

  /**
   * What is kept in a partition, and the position of the last event that ever was; null when none was. Creates its stream
   * if that is not there.
   */
  async function endOf(name: string): Promise<PartitionSize & { last: string | null }> {
    const answer = await run(redis, endScript, [named(name).stream], [SIZE_SAMPLES]);
    const { kind: length, rest } = answerOf('end-of-events', answer);
    const [last, bytes] = rest;
    if (typeof last !== 'string' || typeof bytes !== 'number') throw new UnexpectedAnswer('end-of-events', answer);
    // One that cannot be created is tried again with the next look.
    if (length < 0) await streams.createStream(Number(name)).catch(() => undefined);
    return { length: Math.max(length, 0), bytes, last: last === '' ? null : last };
  }

  /**
   * Removes the oldest events of a partition, some at a time.
   * @returns how many, and those of them that are behind the lowest cursor
   */
  async function trim(name: string, bounds: TrimBounds): Promise<{ removed: number; missed: StoredEvent[] }> {
    const { keep, before, lowestCursor, sparesMissed = false } = bounds;
    const args = [keep, before, TRIM_STEP, lowestCursor ?? '', sparesMissed ? '1' : ''];
    const answer = await run(redis, trimScript, [named(name).stream], args);
    const { kind: removed, rest } = answerOf('trim-events', answer);
    const flat = (Array.isArray(rest[0]) ? rest[0] : []) as (string | string[])[];
    const missed: StoredEvent[] = [];
    for (let index = 0; index + 1 < flat.length; index += 2) {
      const event = decodeEvent(name, String(flat[index]), flat[index + 1] as string[]);
      if (event !== null) missed.push(event);
    }
    return { removed, missed };
  }

  return { count: partitions.count, isPartition, readAfter, readEvents, changedSince, endOf, trim };
}
