import { createMetrics } from '@holdfast/service/metrics';
import { expect, test } from 'vitest';
import { ScriptedWorker } from '../testing/scripted-worker.ts';
import { Scrapes } from './scrapes.ts';

async function snapshot(deliveries: number, connections: number) {
  const metrics = createMetrics({ service: 'edge', ofProcess: false });
  metrics.counter('deliveries_total', 'Deliveries').inc(deliveries);
  metrics.gauge('connections', 'Connections').set(connections);
  return metrics.snapshot();
}

function scrapesOf(workers: Set<ScriptedWorker>, timeoutMs = 60_000) {
  const own = createMetrics({ service: 'edge', ofProcess: false });
  own.gauge('workers', 'Workers').set(workers.size);
  return new Scrapes(
    () => workers,
    () => own.snapshot(),
    { timeoutMs },
  );
}

/** Answers the last question of `scrapes` in the name of a worker. */
async function answer(scrapes: Scrapes, worker: ScriptedWorker, deliveries: number, connections: number) {
  const asked = worker.received.at(-1);
  if (asked?.kind !== 'send-metrics') throw new Error('it was not asked');
  scrapes.onMetrics(worker, asked.round, await snapshot(deliveries, connections));
}

/** The lines that are no comments. */
const samples = (body: string): string[] => body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
const expected = (deliveries: number, connections: number, workers = 2): string[] => [
  `holdfast_deliveries_total{service="edge"} ${deliveries}`,
  `holdfast_connections{service="edge"} ${connections}`,
  `holdfast_workers{service="edge"} ${workers}`,
];

test('a scrape adds up the metrics of all workers, and those of the parent itself', async () => {
  const [one, two] = [new ScriptedWorker(), new ScriptedWorker()];
  const scrapes = scrapesOf(new Set([one, two]));
  const text = scrapes.text();
  await answer(scrapes, one, 1, 10);
  await answer(scrapes, two, 2, 20);
  expect(samples((await text).body)).toEqual(expected(3, 30));
});

test('a worker that does not answer is taken as it was last', async () => {
  const [one, two] = [new ScriptedWorker(), new ScriptedWorker()];
  const scrapes = scrapesOf(new Set([one, two]), 500);
  const first = scrapes.text();
  await answer(scrapes, one, 1, 10);
  await answer(scrapes, two, 2, 20);
  await first;
  const second = scrapes.text();
  await answer(scrapes, one, 5, 11);
  expect(samples((await second).body)).toEqual(expected(7, 31));
});

test('of a worker that has ended the counters stay and the connections go; no scrape waits for it', async () => {
  const [one, two] = [new ScriptedWorker(), new ScriptedWorker()];
  const live = new Set([one, two]);
  const scrapes = scrapesOf(live);
  const first = scrapes.text();
  await answer(scrapes, one, 1, 10);
  await answer(scrapes, two, 2, 20);
  await first;
  const second = scrapes.text();
  scrapes.onEnded(two);
  live.delete(two);
  await answer(scrapes, one, 1, 10);
  expect(samples((await second).body)).toEqual(expected(3, 10));
});

test('while no worker listens a scrape is answered all the same', async () => {
  const scrapes = scrapesOf(new Set());
  expect(samples((await scrapes.text()).body)).toEqual(['holdfast_workers{service="edge"} 0']);
});
