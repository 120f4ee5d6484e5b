import { describe, expect, test } from 'vitest';
import { createHealth } from './health.ts';

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
