import { freePort } from '@holdfast/local/free-port';
import { findOrBringRedis } from '@holdfast/local/redis';
import type { TestProject } from 'vitest/node';
import { type DoorUrls, startDoor } from './installation.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The installation that the tests share. */
    door: DoorUrls;
    /** The only port of 127.0.0.1 whose pages may connect to it. */
    pagePort: number;
  }
}

/** As a proxy leaves it before `/apps/`. */
const PATH_PREFIX = '/prefix';

/** Starts one Redis, and one installation for all tests that hurt no service. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await using started = new AsyncDisposableStack();
  const redis = await findOrBringRedis({ announce: (line) => process.stdout.write(`${line}\n`) });
  started.defer(redis.stop);
  project.provide('redisUrl', redis.url);
  const pagePort = await freePort();
  project.provide('pagePort', pagePort);
  const env = { EDGE_ALLOWED_ORIGINS: `http://127.0.0.1:${pagePort}`, PUSHER_PATH_PREFIX: PATH_PREFIX };
  const door = started.use(await startDoor({ redis: { url: redis.url }, env }));
  project.provide('door', door.urls);
  const running = started.move();
  return () => running.disposeAsync();
}
