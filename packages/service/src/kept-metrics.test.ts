import { describe, expect, test } from 'vitest';
import { keptMetrics } from './kept-metrics.ts';

describe('a scrape', () => {
  test('is made once a second, however often it is asked for, and a failure is not kept', async () => {
    let now = 0;
    let made = 0;
    const metrics = keptMetrics(
      {
        text: async () => {
          made += 1;
          if (made === 2) throw new Error('no');
          return { contentType: 'text/plain', body: String(made) };
        },
      },
      () => now,
    );
    const bodies = await Promise.all([metrics.text(), metrics.text()]);
    expect(bodies.map(({ body }) => body)).toEqual(['1', '1']);
    now += 1000;
    await expect(metrics.text()).rejects.toThrow('no');
    expect((await metrics.text()).body).toBe('3');
    now += 999;
    expect((await metrics.text()).body).toBe('3');
  });
});
