import { existsSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { expect, test } from 'vitest';
import { giveWay } from './give-way.ts';
import { spawnChild } from './child.ts';

test('a process that gives way has a lower priority, and so has the scheduling group of its session', async () => {
  const child = await spawnChild({ command: 'sleep', args: ['60'], env: process.env, will: { script: 'true' } });
  try {
    giveWay(child.pid);
    expect(getPriority(child.pid)).toBe(10);
    const group = `/proc/${child.pid}/autogroup`;
    if (existsSync(group)) expect(readFileSync(group, 'utf8')).toMatch(/ nice 10$/m);
  } finally {
    await child.stop(1000);
  }
});
