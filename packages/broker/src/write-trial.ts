import type { Keys } from './keys.ts';
import type { Commands } from '@holdfast/redis/commands';
import { asked, run } from '@holdfast/redis/script';
import { loadScript } from './lua/scripts.ts';

const tryWriteScript = loadScript('try-write');

/** What is written is gone soon after the last process that tries. */
const KEPT_MS = 10_000;
/** Where there is one server, one place is enough. */
const ONE_SERVER = ['0'];

/**
 * Whether Redis takes writes now, each of its servers: what a publish does is done to keys of its own. Rejects with
 * RedisUnavailable, whose cause says why not.
 */
export async function tryWrites(redis: Commands, keys: Keys): Promise<void> {
  await asked(redis.ping());
  const places = redis.placesOfServers?.((place) => keys.trial(place)) ?? ONE_SERVER;
  await Promise.all(
    places.map((place) =>
      run(redis, tryWriteScript, [keys.trial(place), keys.trialLog(place)], [keys.trialLive(place), KEPT_MS]),
    ),
  );
}
