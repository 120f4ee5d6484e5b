import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { expect, it, vi } from 'vitest';
import { isAlive } from './is-alive.ts';

it('a process is alive until it has ended, whether or not its parent has asked how it ended', async () => {
  // The shell becomes a `sleep` that never asks after the child it was given.
  const parent = spawn('/bin/sh', ['-c', 'sleep 100 & echo $!; exec sleep 100'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const child = Number(line);
  expect(isAlive(child)).toBe(true);
  process.kill(child, 'SIGKILL');
  await vi.waitUntil(() => !isAlive(child), { timeout: 30_000 });

  const pid = parent.pid ?? 0;
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  expect(isAlive(pid)).toBe(false);
});
