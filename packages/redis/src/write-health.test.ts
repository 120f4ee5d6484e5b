import { afterEach, describe, expect, test, vi } from 'vitest';
import { WriteHealth } from './write-health.ts';

afterEach(() => {
  vi.useRealTimers();
});

class ReplyError extends Error {
  override name = 'ReplyError';
}

const refused = (text: string) => new Error('the call failed', { cause: new ReplyError(text) });

describe('the health of writes', () => {
  test('is bad until one has succeeded, and when the last one failed', () => {
    const health = new WriteHealth();
    expect(health.fault).toBe('Redis has taken no write yet');
    health.worked();
    expect(health.fault).toBeNull();
    health.failed(new Error('wrapped', { cause: new Error('connect ECONNREFUSED') }));
    expect(health.fault).toBe('Redis does not answer: connect ECONNREFUSED');
    health.worked();
    expect(health.fault).toBeNull();
  });

  test("keeps Redis' own reason, without the script, while the connection is opened anew", () => {
    const health = new WriteHealth();
    const sha = 'a'.repeat(40);
    health.failed(refused(`NOREPLICAS Not enough good replicas to write. script: ${sha}, on @user_script:1.`));
    expect(health.fault).toBe('Redis refuses writes: NOREPLICAS Not enough good replicas to write.');
    health.failed(new Error('Connection is closed.'));
    expect(health.fault).toContain('NOREPLICAS');
    health.failed(refused('READONLY You cannot write'));
    expect(health.fault).toContain('READONLY');
  });

  test('is bad when no write was tried for long', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const health = new WriteHealth();
    health.worked();
    vi.advanceTimersByTime(4_000);
    expect(health.fault).toBeNull();
    vi.advanceTimersByTime(2_000);
    expect(health.fault).toBe('Redis has taken no write for 6 s');
  });

  test('tells of the recovery once, with the reason; a first success is none', () => {
    const recoveries: string[] = [];
    const health = new WriteHealth(({ reason }) => recoveries.push(reason));
    health.worked();
    health.failed(refused('OOM command not allowed'));
    health.failed(refused('OOM command not allowed'));
    health.worked();
    health.worked();
    expect(recoveries).toEqual(['Redis refuses writes: OOM command not allowed']);
  });
});
