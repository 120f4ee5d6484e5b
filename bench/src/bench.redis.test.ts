import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { isAlive } from '@holdfast/local/is-alive';
import { describe, expect, it, vi } from 'vitest';
import { NotCompiled, compiled } from './native.ts';
import { withChildren } from '@holdfast/harness/cpu-time';
import type { Result } from './result.ts';
import type { ScaleResult } from './scale/report.ts';

/** Two peers start, one with a Redis and two services, on a machine that runs other files as well. */
const RUN_WITHIN_MS = 120_000;
const WAIT = { timeout: 60_000, interval: 50 };

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [new URL('main.ts', import.meta.url).pathname, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let logged = '';
  child.stderr.on('data', (chunk: Buffer) => (logged += chunk.toString()));
  const printed = text(child.stdout);
  const exit = once(child, 'exit').then(([code]) => code as number);
  return { child, exit, printed, logged: () => logged };
}

/** Everything that a process has started, and what that has. */
async function descendants(pid: number): Promise<number[]> {
  return (await withChildren([pid])).filter((one) => one !== pid);
}

/** Why the generators cannot be built here; null when they can. */
async function fault(): Promise<string | null> {
  try {
    await compiled('generator');
    return null;
  } catch (error) {
    if (error instanceof NotCompiled) return error.message;
    throw error;
  }
}

const noCompiler = await fault();
if (noCompiler !== null) process.stderr.write(`The bench is NOT TESTED here, something is missing: ${noCompiler}\n`);

describe.skipIf(noCompiler !== null)('the bench', () => {
  it(
    'measures Holdfast and the floor in turn, with every delivery accounted for',
    async () => {
      const args = ['delivery', 'bursts', '--quick', '--peers', 'holdfast,floor', '--rounds', '2', '--json'];
      const run = start(args);
      const code = await run.exit;
      expect({ code, logged: run.logged() }).toMatchObject({ code: 0 });
      const { machine, measures } = JSON.parse(await run.printed) as Result;
      expect(machine.cores).toBeGreaterThan(0);
      expect(measures.map(({ name, rows }) => [name, ...rows.map(({ peer }) => peer)])).toEqual([
        ['delivery', 'holdfast', 'floor'],
        ['bursts', 'holdfast', 'floor'],
      ]);
      for (const { rows } of measures) {
        for (const { figures, failures } of rows) {
          expect(failures).toEqual([]);
          for (const figure of Object.values(figures)) expect(figure?.rounds).toHaveLength(2);
        }
      }
      const [ours, floors] = measures[0]?.rows ?? [];
      // The floor writes the very frames that Holdfast writes.
      expect(Math.round(ours?.figures['bytes']?.median ?? 0)).toBe(Math.round(floors?.figures['bytes']?.median ?? 1));
      expect(ours?.figures['pss']?.median).toBeGreaterThan(0);
      expect(run.logged()).toMatch(/delivery 1\/2, holdfast.*\n.*delivery 1\/2, floor.*\n.*delivery 2\/2, holdfast/);
    },
    RUN_WITHIN_MS,
  );

  it(
    'leaves neither a process nor a file after a Ctrl-C',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'bench-test-'));
      const run = start(['delivery', '--quick', '--peers', 'holdfast', '--rounds', '1000'], { TMPDIR: folder });
      await vi.waitUntil(() => run.child.exitCode !== null || run.logged().includes('delivery 1/1000'), WAIT);
      // The next round is on its way: Redis, both services, a generator.
      await vi.waitUntil(async () => (await descendants(run.child.pid ?? 0)).length >= 4, WAIT);
      const started = await descendants(run.child.pid ?? 0);
      run.child.kill('SIGINT');
      // Under npm it comes twice.
      run.child.kill('SIGINT');
      expect(await run.exit).toBe(130);
      expect(run.logged()).toContain('Interrupted; nothing of it is left running.');
      expect(await run.printed).toBe('');
      // The shells that would have acted had it been killed end a moment later.
      await vi.waitUntil(() => started.every((pid) => !isAlive(pid)), WAIT);
      expect(await readdir(folder)).toEqual([]);
      await rm(folder, { recursive: true });
    },
    RUN_WITHIN_MS,
  );

  it(
    'leaves no process when it is killed itself',
    async () => {
      const run = start(['delivery', '--quick', '--peers', 'floor', '--rounds', '1000']);
      const pid = run.child.pid ?? 0;
      // Who is started is put under a guard right after, within milliseconds: by the time there are generators the server is.
      const generators = async () => {
        const all = await descendants(pid);
        const commands = await Promise.all(all.map((one) => readFile(`/proc/${one}/cmdline`, 'utf8').catch(() => '')));
        return all.filter((_, index) => commands[index]?.includes('generator'));
      };
      await vi.waitUntil(async () => run.child.exitCode !== null || (await generators()).length > 0, WAIT);
      const started = await descendants(pid);
      run.child.kill('SIGKILL');
      await run.exit;
      // The shells that were waiting for this act a moment later.
      await vi.waitUntil(() => started.every((one) => !isAlive(one)), WAIT);
      expect(started.filter(isAlive)).toEqual([]);
    },
    RUN_WITHIN_MS,
  );

  it(
    'scales: everybody gets everything, those as well whose edge was killed, and memory and time are accounted for',
    async () => {
      const args = ['scale', '--connections', '300', '--topics', '10', '--seconds', '1', '--json'];
      const run = start(args);
      const code = await run.exit;
      expect({ code, logged: run.logged() }).toMatchObject({ code: 0 });
      const result = JSON.parse(await run.printed) as ScaleResult;
      expect(result.edges).toBe(2);
      expect(result.returned).toEqual({ clients: 150, seconds: expect.any(Number) as number });
      expect(result.phases.map(({ lost, duplicated }) => lost + duplicated)).toEqual([0, 0, 0, 0, 0]);
      const [, , toAll, trickle] = result.phases;
      expect(toAll?.deliveries).toBe(3 * 300);
      expect(trickle?.deliveries).toBe(20 * 30);
      expect(result.memory.connected.edges).toBeGreaterThan(result.memory.start.edges);
    },
    RUN_WITHIN_MS,
  );

  it('refuses what it does not know with exit code 2', async () => {
    const run = start(['--peers', 'phoenix']);
    expect(await run.exit).toBe(2);
    expect(run.logged()).toContain('no peer is called phoenix');
  });
});
