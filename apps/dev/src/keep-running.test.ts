import { type Child, spawnChild } from '@holdfast/local/child';
import { isAlive } from '@holdfast/local/is-alive';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { keepRunning, type KeptChild, waitMs } from './keep-running.ts';

/** Real processes that do nothing: what ends is a process, not a promise that a test settles. */
describe('keepRunning', () => {
  const children: Child[] = [];
  const logged: string[] = [];
  const log = (line: string) => logged.push(line);

  async function start(): Promise<KeptChild & { pid: number }> {
    const child = await spawnChild({
      command: '/bin/sleep',
      args: ['100'],
      env: {},
      cleanUp: { script: 'kill -KILL "$1"' },
    });
    children.push(child);
    return { pid: child.pid, exited: child.exited, stop: () => child.stop(1_000) };
  }

  afterEach(async () => {
    await Promise.all(children.splice(0).map((child) => child.stop(1_000)));
    logged.length = 0;
  });

  it('starts a child that died again, says so, and tells that it is back', async () => {
    const child = await start();
    const onBack = vi.fn<() => void>();
    const stop = keepRunning({ name: 'edge', child, again: start, onBack, log, random: () => 0 });
    process.kill(child.pid, 'SIGKILL');
    await vi.waitFor(() => expect(onBack).toHaveBeenCalledOnce(), 30_000);
    expect(logged).toEqual(['edge ended (signal SIGKILL), starting it again in 0.1 s', 'edge runs again']);
    const [, second] = children;
    expect(isAlive(second?.pid ?? 0)).toBe(true);
    await stop();
    expect(isAlive(second?.pid ?? 0)).toBe(false);
    expect(children).toHaveLength(2);
  });

  it('tries again, waiting longer, when the next one does not start', async () => {
    const child = await start();
    let failures = 0;
    const again = async () => {
      failures += 1;
      if (failures < 3) throw new Error(`port taken, try ${failures}`);
      return start();
    };
    const stop = keepRunning({ name: 'edge', child, again, log, random: () => 0 });
    process.kill(child.pid, 'SIGKILL');
    await vi.waitFor(() => expect(logged.at(-1)).toBe('edge runs again'), 30_000);
    expect(logged.slice(1, 3)).toEqual([
      'edge did not start: port taken, try 1, starting it again in 0.3 s',
      'edge did not start: port taken, try 2, starting it again in 0.5 s',
    ]);
    await stop();
  });

  it('starts nothing once it is stopped, also in the middle of a wait', async () => {
    const child = await start();
    const again = vi.fn<typeof start>(start);
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    // In the turn that begins the wait: later it might be over.
    const onWait = () => setImmediate(() => resolve(stop()));
    const stop = keepRunning({ name: 'edge', child, again, log: onWait, random: () => 1 });
    process.kill(child.pid, 'SIGKILL');
    await stopped;
    expect(again).not.toHaveBeenCalled();
  });

  it('ends a child that was being started when it is stopped', async () => {
    const child = await start();
    const begun = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const again = async () => {
      begun.resolve();
      await goOn.promise;
      return start();
    };
    const stop = keepRunning({ name: 'edge', child, again, log, random: () => 0 });
    process.kill(child.pid, 'SIGKILL');
    await begun.promise;
    const stopped = stop();
    goOn.resolve();
    await stopped;
    expect(children).toHaveLength(2);
    expect(children.map(({ pid }) => isAlive(pid))).toEqual([false, false]);
  });
});

it('waits double with every failure, spread over half of it, and never longer than 10 s', () => {
  expect([0, 1, 2, 20].map((failures) => waitMs(failures, () => 1))).toEqual([250, 500, 1_000, 10_000]);
  expect([0, 1, 2, 20].map((failures) => waitMs(failures, () => 0))).toEqual([125, 250, 500, 5_000]);
});
