import { expect, test } from 'vitest';
import { createHealth } from './health.ts';
import { answerHealth } from './http-health.ts';
import { createMetrics } from './metrics.ts';

const metrics = createMetrics({ service: 'test' });

async function ask(path: string, health = createHealth()): Promise<unknown> {
  const answer = await answerHealth(path, health, metrics);
  return answer && { ...answer, body: JSON.parse(answer.body) as unknown };
}

test('/healthz is fine whatever the checks say', async () => {
  const health = createHealth();
  health.check('redis', () => 'down');
  health.drain();
  expect(await ask('/healthz', health)).toEqual({
    status: 200,
    contentType: 'application/json',
    body: { status: 'ok' },
  });
});

test('/readyz is 200 when ready and 503 with the reasons when not', async () => {
  const health = createHealth();
  health.check('redis', () => null);
  const contentType = 'application/json';
  expect(await ask('/readyz?verbose', health)).toEqual({
    status: 200,
    contentType,
    body: { status: 'ready', checks: { redis: 'ok' } },
  });
  health.check('redis', () => 'down');
  expect(await ask('/readyz', health)).toEqual({
    status: 503,
    contentType,
    body: { status: 'not-ready', checks: { redis: 'down' } },
  });
});

test('/metrics is the text Prometheus reads', async () => {
  const answer = await answerHealth('/metrics', createHealth(), metrics);
  expect(answer).toMatchObject({ status: 200, contentType: 'text/plain; version=0.0.4; charset=utf-8' });
  expect(answer?.body).toContain('# TYPE holdfast_process_start_time_seconds gauge');
});

test('any other path is for others to answer', async () => {
  for (const path of ['/', '/healthz/', '/readyzz', '/v1/healthz', '']) expect(await ask(path)).toBeNull();
});
