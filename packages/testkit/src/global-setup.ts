import { findOrBringRedis } from '@holdfast/local/redis';
import type { TestProject } from 'vitest/node';

/** Projects that run without any Redis. */
const WITHOUT_REDIS = new Set(['unit']);

/**
 * Finds or brings the one Redis of a test run. Set in the root of vitest.config.ts, for there it runs once; a project
 * that inherited it would bring a Redis of its own.
 */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (project.vitest.projects.every(({ name }) => WITHOUT_REDIS.has(name))) return undefined;
  const redis = await findOrBringRedis({ announce: (line) => process.stdout.write(`${line}\n`) });
  project.provide('redisUrl', redis.url);
  return redis.stop;
}
