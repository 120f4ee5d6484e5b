import { describe, expect, test } from 'vitest';
import { answerHealth, createHealth } from './health.ts';
import { createMetrics } from './metrics.ts';

describe('readiness', () => {
  test('is given when nothing speaks against it', () => {
    const health = createHealth();
    expect(health.readiness()).toEqual({ ready: true, checks: {} });
    health.check('redis', () => null);
    expect(health.readiness()).toEqual({ ready: true, checks: { redis: 'ok' } });
  });

  test('is asked anew each time, and one reason is enough against it', () => {
    const health = createHealth();
    let reason: string | null = null;
    health.check('redis', () => reason);
    health.check('keys', () => null);
    reason = 'down since noon';
    expect(health.readiness()).toEqual({ ready: false, checks: { redis: 'down since noon', keys: 'ok' } });
    reason = null;
    expect(health.readiness().ready).toBe(true);
  });

  test('is not given while a check throws', () => {
    const health = createHealth();
    health.check('redis', () => {
      throw new Error('odd');
    });
    expect(health.readiness()).toEqual({ ready: false, checks: { redis: 'the check failed: odd' } });
  });

  test('is over for good with the drain', () => {
    const health = createHealth();
    health.check('redis', () => null);
    health.drain();
    expect(health.readiness()).toEqual({ ready: false, checks: { redis: 'ok', draining: 'shutting down' } });
  });
});

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
