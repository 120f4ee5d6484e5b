import { closeSync, openSync } from 'node:fs';
import perfHooks from 'node:perf_hooks';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type MetricsSnapshot, counted, createMetrics, mergedText } from './metrics.ts';

const DAY_MS = 24 * 3600 * 1000;

/** The value of the sample that begins with this, label by label as it is printed. */
async function sample(metrics: ReturnType<typeof createMetrics>, start: string): Promise<number> {
  const { body } = await metrics.text();
  const line = body.split('\n').find((text) => text.startsWith(start));
  if (line === undefined) throw new Error(`no ${start} in\n${body}`);
  return Number(line.slice(line.lastIndexOf(' ')));
}

test('counters, gauges and histograms appear with our prefix and the service', async () => {
  const metrics = createMetrics({ service: 'api' });
  metrics.counter('calls_total', 'Calls', ['route']).inc({ route: '/a' }, 3);
  metrics.gauge('connections', 'Connections').set(7);
  metrics.histogram('wait_seconds', 'Waiting', [], [0.001, 0.01]).observe(0.005);
  expect(await sample(metrics, 'holdfast_calls_total{route="/a",service="api"}')).toBe(3);
  expect(await sample(metrics, 'holdfast_connections{service="api"}')).toBe(7);
  expect(await sample(metrics, 'holdfast_wait_seconds_bucket{le="0.001",service="api"}')).toBe(0);
  expect(await sample(metrics, 'holdfast_wait_seconds_bucket{le="0.01",service="api"}')).toBe(1);
  metrics.stop();
});

test('every name begins with our prefix', async () => {
  const metrics = createMetrics({ service: 'api' });
  const { body } = await metrics.text();
  const names = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((line) => !line.startsWith('holdfast_'))).toEqual([]);
  metrics.stop();
});

test.runIf(process.platform === 'linux')('open files are counted as they come and go', async () => {
  const metrics = createMetrics({ service: 'api' });
  const before = await sample(metrics, 'holdfast_process_open_fds{service="api"}');
  const files = Array.from({ length: 50 }, () => openSync(import.meta.filename, 'r'));
  expect(await sample(metrics, 'holdfast_process_open_fds{service="api"}')).toBeGreaterThanOrEqual(before + 50);
  files.forEach(closeSync);
  expect(await sample(metrics, 'holdfast_process_open_fds{service="api"}')).toBeLessThan(before + 50);
  metrics.stop();
});

test('nothing wakes an idle process to look at its event loop', () => {
  const monitor = vi.spyOn(perfHooks, 'monitorEventLoopDelay');
  onTestFinished(() => monitor.mockRestore());
  createMetrics({ service: 'api' }).stop();
  expect(monitor.mock.calls).toHaveLength(1);
  expect(monitor.mock.calls[0]?.[0]?.resolution).toBeGreaterThan(DAY_MS);
});

test('two sets in one process do not meet', async () => {
  const one = createMetrics({ service: 'one' });
  const two = createMetrics({ service: 'two' });
  one.counter('seen_total', 'Seen').inc();
  two.counter('seen_total', 'Seen');
  expect(await sample(one, 'holdfast_seen_total')).toBe(1);
  expect(await sample(two, 'holdfast_seen_total')).toBe(0);
  one.stop();
  two.stop();
});

/** Much longer than what an idle process on a busy machine shows. */
const BLOCK_MS = 400;

/** Resolves when the event loop has gone on to another turn: a turn is measured when it is over. */
const turn = (): Promise<void> => new Promise((done) => setTimeout(done, 10));

test('a blocked event loop shows in its delay, once', async () => {
  const metrics = createMetrics({ service: 'api' });
  const longest = 'holdfast_event_loop_delay_seconds{quantile="1"';
  // The first turn may be the rest of the one in which it was made, and is not measured.
  await turn();
  await turn();
  const end = performance.now() + BLOCK_MS;
  while (performance.now() < end);
  await expect.poll(() => sample(metrics, longest)).toBeGreaterThan(0.9 * (BLOCK_MS / 1000));
  await expect.poll(() => sample(metrics, longest)).toBeLessThan(BLOCK_MS / 1000 / 2);
  metrics.stop();
});

/** A process that has seen so much, as another process gets to know of it. */
async function processThat(seen: number, open: number, late: number): Promise<MetricsSnapshot> {
  const metrics = createMetrics({ service: 'edge' });
  metrics.counter('seen_total', 'Seen', ['kind']).inc({ kind: 'a' }, seen);
  metrics.gauge('open', 'Open').set(open);
  metrics.gauge('late', 'Late', [], 'max').set(late);
  metrics.histogram('wait_seconds', 'Waiting', [], [1]).observe(seen);
  const snapshot = JSON.parse(JSON.stringify(await metrics.snapshot())) as MetricsSnapshot;
  metrics.stop();
  return snapshot;
}

test('counters, histograms and gauges of several processes are one, each gauge in its own way', async () => {
  const { contentType, body } = await mergedText([await processThat(1, 10, 0.5), await processThat(2, 20, 0.25)]);
  expect(contentType).toContain('text/plain');
  expect(body).toContain('holdfast_seen_total{kind="a",service="edge"} 3\n');
  expect(body).toContain('holdfast_open{service="edge"} 30\n');
  expect(body).toContain('holdfast_late{service="edge"} 0.5\n');
  expect(body).toContain('holdfast_wait_seconds_bucket{le="1",service="edge"} 1\n');
  expect(body).toContain('holdfast_wait_seconds_count{service="edge"} 2\n');
});

test('of processes that ended the counters stay, and nothing that was only so then', async () => {
  const ended = await counted([await processThat(1, 10, 0.5), await processThat(2, 20, 0.25)]);
  const { body } = await mergedText([ended, await processThat(4, 40, 0.125)]);
  expect(body).toContain('holdfast_seen_total{kind="a",service="edge"} 7\n');
  expect(body).toContain('holdfast_wait_seconds_count{service="edge"} 3\n');
  expect(body).toContain('holdfast_open{service="edge"} 40\n');
  expect(body).toContain('holdfast_late{service="edge"} 0.125\n');
});
