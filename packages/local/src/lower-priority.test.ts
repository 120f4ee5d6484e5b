import { existsSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Child, spawnChild } from './child.ts';
import { lowerPriority } from './lower-priority.ts';

let child: Child;

beforeEach(async () => {
  child = await spawnChild({ command: 'sleep', args: ['60'], env: process.env, cleanUp: { script: 'true' } });
});

afterEach(() => child.stop(1000));

test('a process with a lower priority has a higher nice value', async () => {
  await lowerPriority(child.pid);
  expect(getPriority(child.pid)).toBe(10);
});

test.runIf(existsSync('/proc/self/autogroup'))('so has the scheduling group of its session', async () => {
  await lowerPriority(child.pid);
  expect(readFileSync(`/proc/${child.pid}/autogroup`, 'utf8')).toMatch(/ nice 10$/m);
});
