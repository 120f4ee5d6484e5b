import { beforeAll, expect, it } from 'vitest';
import pc from 'picocolors';
import { load } from '../load.ts';
import type { PresenceReport } from './report.ts';

const RUN_WITHIN_MS = 90_000;
const BOUNDS = { descriptors: 20_000, cores: 2 };

let printed: string;
let code: number;
let report: PresenceReport;

async function run(...args: string[]): Promise<number> {
  printed = '';
  return load(args, {
    bounds: BOUNDS,
    print: (text) => (printed += text),
    colors: pc.createColors(false),
    display: { log: () => {}, begin: () => {}, update: () => {}, end: () => {} },
    signal: new AbortController().signal,
  });
}

beforeAll(async () => {
  const members = ['--clients', '60', '--watchers', '8', '--edges', '2'];
  code = await run('--presence', ...members, '--churn', '20', '--seconds', '3', '--json');
  report = JSON.parse(printed) as PresenceReport;
}, RUN_WITHIN_MS);

it('a run of presence finds every watcher right, on both edges', () => {
  expect({ code, ok: report.ok, samples: report.samples, edges: report.edgesUsed }).toEqual({
    code: 0,
    ok: true,
    samples: [],
    edges: 2,
  });
  expect(Object.values(report.faults).every((count) => count === 0)).toBe(true);
  expect(report.leftBehind).toEqual({ clients: 0, topics: 0 });
});

it('its clients leave and join, and those away at the end are not present', () => {
  const { joins, leaves } = report.churn;
  expect([joins + leaves, leaves - joins]).toEqual([60, 10]);
  expect(report.members).toEqual({ present: 50, countByRest: 50 });
  expect(report.connections).toMatchObject({ connected: 60, closes: {}, reconnects: 0, givenUp: 0 });
});

it('its watchers get a frame for each version, and no snapshot while others leave and join', () => {
  const { churn, connecting, watchers } = report;
  expect(watchers).toBe(8);
  expect(churn.versionsPerWatcher).toBeGreaterThan(0);
  expect(churn.framesPerWatcher).toBe(churn.versionsPerWatcher);
  expect(churn.snapshotsPerWatcher).toBe(0);
  expect(connecting.snapshotsPerWatcher).toBeGreaterThanOrEqual(1);
});

it('its report knows what the installation used', () => {
  const { cpu, memory } = report;
  expect([cpu.edges.length, cpu.redis.length, cpu.controls.length]).toEqual([2, 1, 1]);
  expect(cpu.redis[0]).toBeGreaterThan(0);
  // An id of 17 bytes and an info of 50, and what Redis adds.
  expect(memory.redisBytesPerMember).toBeGreaterThan(67);
  expect(memory.redisBytesPerMember).toBeLessThan(300);
});
