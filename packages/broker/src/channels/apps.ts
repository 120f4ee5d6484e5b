import type { Commands } from '@holdfast/redis/commands';
import { asked, run } from '@holdfast/redis/script';
import type { KnownApp } from '../broker.ts';
import type { Keys } from '../keys.ts';
import { numberOf } from '../lua/replies.ts';
import { loadScript } from '../lua/scripts.ts';

const writeScript = loadScript('write-apps');

/** An app that no control-api has written for so long is forgotten. */
const SILENT_MS = 60_000;
/** It stays known for so long that there were apps. */
const EMPTY_MS = 24 * 3_600_000;
/** Has the time at which there were apps last. No public key is named so. */
const LAST_WRITTEN = '@';

/** The apps of the Pusher door, as edges know them. */
export function appStore(redis: Commands, keys: Keys) {
  async function writeApps(apps: readonly KnownApp[], removed: readonly string[]): Promise<void> {
    const pairs = apps.flatMap((app) => [app.key, JSON.stringify(app)]);
    const args = [SILENT_MS, EMPTY_MS, apps.length, ...pairs, ...removed];
    numberOf('write-apps', await run(redis, writeScript, [keys.apps()], args));
  }

  async function readApp(key: string): Promise<KnownApp | 'unknown' | 'none'> {
    const [found, written] = await asked(redis.hmget(keys.apps(), key, LAST_WRITTEN));
    return appOf(key, found ?? null) ?? (written == null ? 'none' : 'unknown');
  }

  /** The ids of the apps whose subscribers are shown how many they are. */
  async function readCounting(): Promise<Set<string>> {
    const found = await asked(redis.hgetall(keys.apps()));
    const apps = Object.entries(found).map(([key, text]) => appOf(key, key === LAST_WRITTEN ? null : text));
    return new Set(apps.flatMap((app) => (app?.subscriptionCount === true ? [app.appId] : [])));
  }

  return { writeApps, readApp, readCounting };
}

/** Null also for the time: a client may ask for any key. */
function appOf(key: string, found: string | null): KnownApp | null {
  if (found === null) return null;
  const { at: _, ...app } = JSON.parse(found) as KnownApp & { at: number };
  return app.key === key ? app : null;
}
