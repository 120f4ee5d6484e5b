import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';
import type { EventReaper } from '../broker.ts';
import type { Keys } from '../keys.ts';
import { eventStreams } from './streams.ts';
import { eventsWanted } from './wanted.ts';

/** Events stay for so long after the last one was wanted: whoever wants them again by then has what was not delivered. */
const KEPT_MS = 24 * 3_600_000;

export function eventReaper(redis: Commands, keys: Keys): EventReaper {
  const wanted = eventsWanted(redis, keys);
  const streams = eventStreams(redis, keys);

  async function reapEvents(silentMs: number | null, keptMs = KEPT_MS): Promise<boolean> {
    const offMs = await wanted.forgetSilent(silentMs, null);
    if (offMs === null || offMs <= keptMs) return false;
    // A stream that is written to meanwhile, as events are wanted again, stays.
    await streams.removeStreams(keptMs);
    await asked(redis.del(keys.eventsChanged()));
    await wanted.forgetSilent(null, keptMs);
    return true;
  }

  return { reapEvents };
}
