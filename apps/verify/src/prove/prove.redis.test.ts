import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@holdfast/testkit/eventually';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RandomReport } from './random-run/report.ts';
import type { Report } from './report.ts';

/** Seven processes start, on a machine that runs other tests as well. */
const PATIENCE_MS = 120_000;
/** Services that outlive the tool get a SIGTERM, and drain. */
const GONE_MS = 60_000;
const PROGRAM = join(import.meta.dirname, 'main.ts');

/** A directory for temporary files of this test alone: it shows what a run leaves. */
let directory: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'prove-test-'));
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await rm(directory, { recursive: true, force: true });
});

/** Runs the tool. */
function run(...args: string[]): { child: ChildProcess; logged: () => string; printed: () => string } {
  let [logged, printed] = ['', ''];
  const started = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  started.stderr.setEncoding('utf8').on('data', (text: string) => (logged += text));
  child = started;
  return { child: started, logged: () => logged, printed: () => printed };
}

/** Processes that know the directory: by an argument, or by a variable. */
async function processesOf(name: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const texts = await Promise.all(
        ['cmdline', 'environ'].map((file) => readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '')),
      );
      return texts.some((text) => text.includes(name)) ? [`${pid}: ${texts[0]?.replaceAll('\0', ' ')}`] : [];
    }),
  );
  return found.flat();
}

describe('npm run prove', () => {
  it('carries a fault through and reports it', { timeout: PATIENCE_MS }, async () => {
    const { child: tool, printed } = run('--only', 'client-kill-pubsub', '--clients', '30', '--json');
    const [code] = await once(tool, 'close');
    const report = JSON.parse(printed()) as Report;
    expect(report).toMatchObject({
      ok: true,
      rows: [{ fault: 'client-kill-pubsub', ok: true, members: 30, lost: 0, duplicated: 0, reordered: 0, phantom: 0 }],
    });
    expect(report.rows[0]?.received).toBeGreaterThan(0);
    expect(code).toBe(0);
  });

  it(
    'carries a random run through, and leaves its history when something is broken',
    { timeout: PATIENCE_MS },
    async () => {
      const { child: tool, printed } = run('--random', '--calm', '--seconds', '4', '--seed', '3', '--json');
      const [code] = await once(tool, 'close');
      const report = JSON.parse(printed()) as RandomReport;
      expect(report.counts['publish']).toBeGreaterThan(0);
      expect(report.counts['fault']).toBeUndefined();
      expect(report.seen['frames message']).toBeGreaterThan(0);
      expect(report.ok).toBe(report.violations.length === 0);
      expect(code).toBe(report.ok ? 0 : 1);
      const history = report.history === null ? '' : await readFile(report.history, 'utf8');
      expect(history.split('\n').length > 100).toBe(!report.ok);
    },
  );

  it.runIf(process.platform === 'linux').each(['SIGTERM', 'SIGINT', 'SIGKILL'] as const)(
    'leaves no process and no file behind when it is ended by %s in the middle of a fault',
    { timeout: PATIENCE_MS },
    async (signal) => {
      const { child: tool, logged } = run('--only', 'redis-freeze-5s', '--clients', '30');
      const exited = once(tool, 'exit');
      // One that ends before it breaks anything fails here, with what it logged, and not after all the patience.
      const early = exited.then(([code]) => Promise.reject(new Error(`it ended by itself (${code}): ${logged()}`)));
      await Promise.race([
        early,
        eventually(() => expect(logged()).toContain('breaking it'), { timeoutMs: PATIENCE_MS }),
      ]);
      early.catch(() => undefined);
      expect((await processesOf(directory)).length).toBeGreaterThan(6);
      tool.kill(signal);
      const [code] = await exited;
      expect(code).toBe(signal === 'SIGKILL' ? null : 130);
      await eventually(
        async () => {
          expect(await processesOf(directory)).toEqual([]);
          expect(await readdir(directory)).toEqual([]);
        },
        { timeoutMs: GONE_MS },
      );
    },
  );
});
