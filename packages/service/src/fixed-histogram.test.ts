import { createHistogram } from 'node:perf_hooks';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { FixedHistogram } from './fixed-histogram.ts';
import { counted, createMetrics, mergedText } from './metrics.ts';
import { addTurns } from './process-metrics.ts';

const { bounds } = FixedHistogram;

/** The lines of a histogram in a text, less its name and its service. */
function linesOf(body: string): string[] {
  const lines = body.split('\n').filter((line) => line.startsWith('holdfast_took_seconds'));
  return lines.map((line) => line.replace('holdfast_took_seconds', '').replace(/,?service="api"/, ''));
}

function exposed(seconds: readonly number[]) {
  const metrics = createMetrics({ service: 'api', ofProcess: false });
  const histogram = new FixedHistogram();
  metrics.fixedHistogram('took_seconds', 'Took', () => histogram);
  for (const value of seconds) histogram.observe(value);
  return metrics;
}

test('a histogram counted outside of prom-client is printed as one of its own', async () => {
  const observed = [0, 0.0005, 0.0006, 0.3, 10, 11];
  const own = createMetrics({ service: 'api', ofProcess: false });
  const histogram = own.histogram('took_seconds', 'Took', [], bounds);
  for (const value of observed) histogram.observe(value);
  const { body } = await exposed(observed).text();
  expect(linesOf(body)).toEqual(linesOf((await own.text()).body));
  expect(body).toContain('# TYPE holdfast_took_seconds histogram');
  expect(linesOf(body)).toContain('_bucket{le="0.0005"} 2');
  expect(linesOf(body)).toContain('_bucket{le="+Inf"} 6');
});

test('those of several processes add up, those of ended ones included', async () => {
  const [one, two] = [await exposed([0.002, 0.002]).snapshot(), await exposed([0.002, 20]).snapshot()];
  const all = await mergedText([one, await counted([two])]);
  const together = await exposed([0.002, 0.002, 0.002, 20]).text();
  expect(linesOf(all.body)).toEqual(linesOf(together.body));
});

test('turns of the event loop fall into the buckets where Node measured them', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 20_000_000 }), { minLength: 1, maxLength: 300 }), (micros) => {
      const measured = createHistogram();
      const turns = new FixedHistogram();
      const exact = new FixedHistogram();
      for (const us of micros) {
        measured.record(us * 1000);
        exact.observe(us / 1e6);
      }
      addTurns(turns, measured);
      expect(turns.counts.reduce((sum, count) => sum + count)).toBe(micros.length);
      expect(Math.abs(turns.sum / exact.sum - 1)).toBeLessThan(0.002);
      let [found, right] = [0, 0];
      for (const [bucket] of bounds.entries()) {
        found += turns.counts[bucket] ?? 0;
        right += exact.counts[bucket] ?? 0;
        // Node knows values to three digits: one at a bound may lie on either side.
        const atBound = micros.filter((us) => Math.abs(us / 1e6 / (bounds[bucket] ?? 1) - 1) < 0.002).length;
        expect(Math.abs(found - right)).toBeLessThanOrEqual(1 + atBound);
      }
    }),
  );
});

test('a stall of the event loop is one turn of its length', async () => {
  const metrics = createMetrics({ service: 'api' });
  const over = async (): Promise<number> => {
    const { body } = await metrics.text();
    const count = (line: string) =>
      Number(new RegExp(`^holdfast_event_loop_turn_seconds${line} (\\d+)`, 'm').exec(body)?.[1]);
    return count('_count\\{service="api"\\}') - count('_bucket\\{le="1",service="api"\\}');
  };
  // The observation begins two turns late.
  for (let turns = 0; turns < 4; turns += 1) await turn();
  const before = await over();
  const end = performance.now() + 1_100;
  while (performance.now() < end);
  await delay(5);
  await delay(5);
  expect((await over()) - before).toBe(1);
  metrics.stop();
});
