import { randomUUID } from 'node:crypto';
import type { Commands } from '@holdfast/redis/commands';
import { asked, run } from '@holdfast/redis/script';
import type { EventType } from '@holdfast/protocol/events';
import { channelOfTopic, isChannelTopic } from '@holdfast/protocol/pusher-channels';
import { matchesAny } from '@holdfast/protocol/topic-name';
import type { EventOfChannel, WantedOfChannels } from '../broker.ts';
import { isChannelOfUser } from '../channels/names.ts';
import type { Keys } from '../keys.ts';
import { answerOf } from '../lua/replies.ts';
import { loadScript } from '../lua/scripts.ts';

const wantScript = loadScript('want-events');

/** For each type that is wanted the patterns of its topics; null: all of them, also for types that tell of no topic. */
export type WantedEvents = Partial<Record<EventType, readonly string[] | null>>;

/** An endpoint of webhooks, and what it wants, as a control-api has it in its file. */
export interface WantingEndpoint {
  readonly id: string;
  readonly types: string[];
  readonly topics?: string[] | undefined;
}

/** All that is written. */
export type WrittenEventType = EventType | EventOfChannel;

/** What one control-api wants. */
interface Wanting {
  readonly wanted: WantedEvents;
  /** Not of an earlier version. */
  readonly channels?: WantedOfChannels;
  readonly endpoints: readonly WantingEndpoint[];
}

/**
 * Which events are wanted, as it was read last: writers look here whether to write one. Each control-api notes what it
 * wants for itself, and wanted is what any of them does: while some have another file than others, no event is missing.
 * What is noted has no end of its own: while no control-api runs, events are written all the same.
 */
export function eventsWanted(redis: Commands, keys: Keys) {
  const own = randomUUID();
  let known: Wanted = { topics: {}, channels: {} };
  let text = textOf([]);

  /** Gives whether something else is wanted than before. Rejects with RedisUnavailable; then what was known stays. */
  async function refresh(): Promise<boolean> {
    const all = [...(await readWanting()).values()];
    const foundText = textOf(all);
    if (foundText === text) return false;
    known = unionOf(all);
    text = foundText;
    return true;
  }

  /** By control-api. */
  async function readWanting(): Promise<Map<string, Wanting>> {
    const fields = await asked(redis.hgetall(keys.eventsWanted()));
    const found = new Map<string, Wanting>();
    for (const [name, value] of Object.entries(fields)) {
      const start = value.indexOf(' ');
      // Another has a time alone: since when nothing is wanted.
      if (start !== -1) found.set(name, JSON.parse(value.slice(start)) as Wanting);
    }
    return found;
  }

  /** @param topic undefined for what tells of no topic, and for any topic or channel */
  function isWanted(type: WrittenEventType, topic?: string): boolean {
    if (topic === undefined) return type in known.topics || type in known.channels;
    if (isChannelTopic(topic)) return isWantedOfChannel(type, topic);
    const patterns = known.topics[type as EventType];
    return patterns !== undefined && (patterns === null || matchesAny(patterns, topic));
  }

  function isWantedOfChannel(type: WrittenEventType, topic: string): boolean {
    const apps = known.channels[type as EventOfChannel];
    const found = apps === undefined ? null : channelOfTopic(topic);
    return found !== null && apps?.includes(found.appId) === true && !isChannelOfUser(found.channel);
  }

  /** Makes known what this process wants; to be called again well within an hour. Nothing: it wants none any more. */
  async function keep(
    wanted: WantedEvents,
    endpoints: readonly WantingEndpoint[] = [],
    channels: WantedOfChannels = {},
  ): Promise<void> {
    const wanting: Wanting = { wanted, endpoints, ...(isNothing(channels) ? {} : { channels }) };
    await want(isNothing(wanted) && isNothing(channels) ? '' : JSON.stringify(wanting));
    await refresh();
  }

  /**
   * Takes out what other processes want that have not said so for long.
   * @param silentMs null: none
   * @param offMs how long it stays known since when nothing is wanted; null: for ever
   * @returns for how long nothing is wanted; null while something is, and where nothing ever was
   */
  function forgetSilent(silentMs: number | null, offMs: number | null): Promise<number | null> {
    return want('', silentMs, offMs);
  }

  async function want(wanting: string, silentMs: number | null = null, offMs: number | null = null) {
    const answer = await run(redis, wantScript, [keys.eventsWanted()], [own, wanting, silentMs ?? '', offMs ?? '']);
    const { kind, rest } = answerOf('want-events', answer);
    return kind === 0 ? null : Number(rest[0]);
  }

  return { own, refresh, readWanting, isWanted, keep, forgetSilent, isEmpty: () => text === NOTHING };
}

/** What any of them wants, as one text for the same. */
export function textOf(all: readonly Wants[]): string {
  return JSON.stringify(unionOf(all));
}

export function isNothing(wanted: WantedEvents | WantedOfChannels): boolean {
  return Object.keys(wanted).length === 0;
}

type Wants = Pick<Wanting, 'wanted' | 'channels'>;

interface Wanted {
  readonly topics: WantedEvents;
  readonly channels: WantedOfChannels;
}

/** In an order that depends on nothing else. */
function unionOf(all: readonly Wants[]): Wanted {
  return {
    topics: unionByType(all.map(({ wanted }) => wanted)),
    channels: unionByType(all.map(({ channels }) => channels ?? {})),
  };
}

function unionByType(all: readonly Partial<Record<WrittenEventType, readonly string[] | null>>[]) {
  const union = new Map<string, readonly string[] | null>();
  for (const [type, names] of all.flatMap((wanted) => Object.entries(wanted))) {
    const before = union.get(type) ?? [];
    const isAll = names === null || union.get(type) === null;
    union.set(type, isAll ? null : [...new Set([...before, ...names])].toSorted());
  }
  return Object.fromEntries([...union].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

const NOTHING = textOf([]);
