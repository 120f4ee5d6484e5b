import { expect, it, vi } from 'vitest';
import { ThrottledMetrics } from './throttled-metrics.ts';

function setUp(everyMs: number) {
  let collected = 0;
  const source = { text: async () => ({ contentType: 'text', body: String((collected += 1)) }) };
  return { metrics: new ThrottledMetrics(source, { everyMs }), collected: () => collected };
}

it('scrapes that come together share one text', async () => {
  const { metrics, collected } = setUp(50);
  await metrics.text();
  const texts = await Promise.all(Array.from({ length: 1000 }, () => metrics.text()));
  expect(new Set(texts.map(({ body }) => body))).toEqual(new Set(['2']));
  expect(collected()).toBe(2);
});

it('a caller that asks again and again is answered once in so long', async () => {
  const { metrics, collected } = setUp(50);
  const begunAt = performance.now();
  for (let scrape = 0; scrape < 5; scrape += 1) await metrics.text();
  expect(performance.now() - begunAt).toBeGreaterThan(190);
  expect(collected()).toBe(5);
});

it('a scrape that comes after one has begun to collect gets figures of its own', async () => {
  const { metrics, collected } = setUp(0);
  const first = metrics.text();
  await vi.waitFor(() => expect(collected()).toBe(1), 30_000);
  const second = metrics.text();
  expect([(await first).body, (await second).body]).toEqual(['1', '2']);
});

it('a source that fails fails the pending requests, and no later one', async () => {
  let fails = true;
  const text = async () => {
    if (fails) throw new Error('the parent is silent');
    return { contentType: 'text', body: 'fine' };
  };
  const metrics = new ThrottledMetrics({ text }, { everyMs: 1 });
  await expect(metrics.text()).rejects.toThrow('silent');
  fails = false;
  expect((await metrics.text()).body).toBe('fine');
});
