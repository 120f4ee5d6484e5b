import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { type Installation, startInstallation } from '@holdfast/local/installation';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ControlApi } from '@holdfast/harness/control-api';
import type { Report } from './report.ts';

/** A Redis, a control-api and two edges start, on a machine that runs other files as well. */
const START_WITHIN_MS = 60_000;
const RUN_WITHIN_MS = 90_000;
const WAIT = { timeout: 30_000, interval: 50 };

let installation: Installation;
let control: ControlApi;

beforeAll(async () => {
  installation = await startInstallation({ edges: 2, announce: () => {} });
  control = new ControlApi(installation.controlUrl, installation.key, 4);
  await vi.waitUntil(async () => (await control.edges()).length === 2, WAIT);
}, START_WITHIN_MS);

afterAll(async () => {
  control.close();
  await installation.stop();
}, START_WITHIN_MS);

function start(args: readonly string[]) {
  const child = spawn(process.execPath, [new URL('main.ts', import.meta.url).pathname, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let logged = '';
  child.stderr.on('data', (chunk: Buffer) => (logged += chunk.toString()));
  const printed = text(child.stdout);
  const exit = once(child, 'exit').then(([code]) => code as number);
  return { child, exit, printed, logged: () => logged };
}

/** The arguments for the installation that is running here. */
function here(...args: string[]): string[] {
  return ['--control', installation.controlUrl, '--key', installation.key, ...args];
}

async function reported(args: readonly string[]): Promise<{ code: number; report: Report }> {
  const { exit, printed } = start([...args, '--json']);
  return { code: await exit, report: JSON.parse(await printed) as Report };
}

async function expectNothingLeft(): Promise<void> {
  for (const path of ['clients', 'topics']) {
    const response = await fetch(`${installation.controlUrl}/v1/${path}`, {
      headers: { 'x-api-key': installation.key },
    });
    expect(await response.json()).toMatchObject({ [path]: [] });
  }
}

/** Waits until all clients are connected; publishing begins then. */
async function underWay({ child, logged }: ReturnType<typeof start>): Promise<void> {
  await vi.waitUntil(() => child.exitCode !== null || logged().includes('connecting:'), WAIT);
}

const flawless = { lost: 0, duplicated: 0, reordered: 0, phantom: 0 };

describe('a load run', () => {
  it.each([
    ['cluster', 3],
    ['sentinel', 1],
  ])(
    'starts a Redis of kind %s by itself, and counts what each server took',
    async (kind, servers) => {
      const args = ['--redis', kind, '--clients', '60', '--topics', '30', '--rate', '40', '--seconds', '2'];
      const { code, report } = await reported(args);
      expect({ code, faults: report.faults }).toEqual({ code: 0, faults: flawless });
      const { byServer, published } = report.publishing;
      expect(byServer).toHaveLength(servers);
      expect(byServer.filter((count) => count > 0)).toHaveLength(servers);
      expect(byServer.reduce((sum, count) => sum + count, 0)).toBe(published);
    },
    RUN_WITHIN_MS,
  );

  it(
    'starts an installation of its own, verifies every delivery, and knows what a connection and a client cost',
    async () => {
      const args = ['--clients', '300', '--topics', '5', '--rate', '20', '--seconds', '2', '--edges', '2'];
      const { code, report } = await reported(args);
      expect({ code, faults: report.faults }).toEqual({ code: 0, faults: flawless });
      expect(report.deliveries).toMatchObject({ expected: 40 * 120, received: 40 * 120 });
      expect(report.edgesUsed).toBe(2);
      expect(report.memory.edgeBytesPerConnection).toBeGreaterThan(0);
      expect(report.memory.redisBytesPerClient).toBeGreaterThan(100);
      expect(report.memory.redisBytesPerClient).toBeLessThan(2_000);
      expect(report.latencyMs?.p50).toBeGreaterThan(0);
    },
    RUN_WITHIN_MS,
  );

  it(
    'uses a running installation, and leaves nothing in it',
    async () => {
      const args = ['--clients', '50', '--topics', '4', '--rate', '30', '--seconds', '2'];
      const { code, report } = await reported(here(...args, '--subscriptions-per-client', '3', '--size', '2000'));
      expect({ code, faults: report.faults }).toEqual({ code: 0, faults: flawless });
      expect(report.publishing.published).toBe(60);
      expect(report.memory).toEqual({
        edgeBytesPerConnection: null,
        redisBytesPerClient: null,
        redisBytesPerConnectedClient: null,
      });
      await expectNothingLeft();
    },
    RUN_WITHIN_MS,
  );

  it(
    'removes what it made after a Ctrl-C',
    async () => {
      const run = start(here('--clients', '40', '--rate', '20', '--seconds', '600'));
      await underWay(run);
      run.child.kill('SIGINT');
      // Under npm it comes twice.
      run.child.kill('SIGINT');
      expect(await run.exit).toBe(130);
      expect(run.logged()).toContain('Interrupted.');
      await expectNothingLeft();
    },
    RUN_WITHIN_MS,
  );

  it.skipIf(process.platform !== 'linux')(
    'says that a worker process died, and removes its clients as well',
    async () => {
      const run = start(here('--clients', '40', '--rate', '20', '--seconds', '5'));
      await underWay(run);
      const children = await readFile(`/proc/${run.child.pid}/task/${run.child.pid}/children`, 'utf8');
      process.kill(Number(children.trim().split(' ')[0]), 'SIGKILL');
      expect(await run.exit).toBe(1);
      expect(run.logged()).toMatch(/worker process \d+ ended \(SIGKILL\)/);
      await expectNothingLeft();
    },
    RUN_WITHIN_MS,
  );

  it(
    'follows its clients to another edge when theirs dies, and misses nothing',
    async () => {
      const run = start(here('--clients', '60', '--rate', '20', '--seconds', '6', '--json'));
      await underWay(run);
      installation.edges[1]?.kill('SIGKILL');
      const code = await run.exit;
      const report = JSON.parse(await run.printed) as Report;
      expect({ code, faults: report.faults }).toEqual({ code: 0, faults: flawless });
      expect(report.connections.reconnects).toBeGreaterThanOrEqual(25);
      await expectNothingLeft();
    },
    RUN_WITHIN_MS,
  );
});
