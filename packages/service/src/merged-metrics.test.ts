import { expect, test } from 'vitest';
import { counted, mergedText } from './merged-metrics.ts';
import { type MetricsSnapshot, createMetrics } from './metrics.ts';

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
