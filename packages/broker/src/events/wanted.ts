import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';
import type { EventType } from '@holdfast/protocol/events';
import { matchesAny } from '@holdfast/protocol/topic-name';
import type { Keys } from '../keys.ts';

/** For each type that is wanted the patterns of its topics; null: all of them, also for types that tell of no topic. */
export type WantedEvents = Partial<Record<EventType, readonly string[] | null>>;

/**
 * How long it stays known what is wanted, once no control-api with webhooks runs any more: until it is back, events are
 * written all the same.
 */
const KEPT_MS = 3_600_000;

export type EventsWanted = ReturnType<typeof eventsWanted>;

/** Which events are wanted, as it was read last: writers look here whether to write one. */
export function eventsWanted(redis: Commands, keys: Keys) {
  let known: WantedEvents = {};
  let text: string | null = null;

  /** Gives whether something else is wanted than before. Rejects with RedisUnavailable; then what was known stays. */
  async function refresh(): Promise<boolean> {
    const found = await asked(redis.get(keys.eventsWanted()));
    if (found === text) return false;
    known = found === null ? {} : (JSON.parse(found) as WantedEvents);
    text = found;
    return true;
  }

  /** @param topic undefined for what tells of no topic */
  function isWanted(type: EventType, topic?: string): boolean {
    const patterns = known[type];
    if (patterns === undefined) return false;
    return patterns === null || topic === undefined || matchesAny(patterns, topic);
  }

  /** Makes known what is wanted; to be called again well within an hour. */
  async function keep(wanted: WantedEvents): Promise<void> {
    await asked(redis.set(keys.eventsWanted(), JSON.stringify(wanted), 'PX', KEPT_MS));
    await refresh();
  }

  /** Makes known that nothing is wanted any more. */
  async function end(): Promise<void> {
    await asked(redis.del(keys.eventsWanted()));
    await refresh();
  }

  return { refresh, isWanted, keep, end, isEmpty: () => text === null };
}
