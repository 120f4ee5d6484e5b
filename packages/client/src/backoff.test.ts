import { closeCodes } from '@holdfast/protocol/close-codes';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ReconnectTimer } from './backoff.ts';

const CUT = 1006;
const asking = Object.values(closeCodes).filter(({ next }) => next === 'reconnect-with-backoff');

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function countingTimer() {
  const counted = { attempts: 0, timer: new ReconnectTimer(() => counted.attempts++) };
  return counted;
}

describe('the delay before an attempt', () => {
  it('grows with failures in a row, and is small again after a connection that lasted', () => {
    const { timer } = countingTimer();
    expect([false, false, false, true, false].map((lasted) => timer.start(CUT, '', lasted))).toEqual([
      125, 250, 500, 125, 250,
    ]);
    expect(timer.failures).toBe(2);
  });

  it.each(asking)('grows also after connections that lasted, when the edge asked for back-off ($code)', ({ code }) => {
    const { timer } = countingTimer();
    expect([1, 2, 3].map(() => timer.start(code, '', true))).toEqual([125, 250, 500]);
    expect(timer.start(CUT, '', true)).toBe(125);
  });

  it('is no less than it must be, and a page that comes back does not cut that short', () => {
    const counted = countingTimer();
    expect(counted.timer.start(CUT, '', false, 1000)).toBe(1000);
    counted.timer.hurry(0);
    vi.advanceTimersByTime(999);
    expect(counted.attempts).toBe(0);
    vi.advanceTimersByTime(1);
    expect(counted.attempts).toBe(1);
  });

  it('is what a restarting edge asks for', () => {
    const { timer } = countingTimer();
    expect(timer.start(1012, 'retry-after-ms=60000', true)).toBe(60_000);
  });
});

describe('hurrying', () => {
  it('brings the attempt forward, never back, and makes one', () => {
    const counted = countingTimer();
    counted.timer.start(CUT, '', false);
    counted.timer.hurry(10_000);
    vi.advanceTimersByTime(124);
    expect(counted.attempts).toBe(0);
    counted.timer.hurry(0);
    vi.advanceTimersByTime(0);
    expect(counted.attempts).toBe(1);
    vi.advanceTimersByTime(60_000);
    expect(counted.attempts).toBe(1);
  });

  it.each([...asking, closeCodes.restarting])('cuts no delay short that the edge asked for ($code)', ({ code }) => {
    const counted = countingTimer();
    const delayMs = counted.timer.start(code, 'retry-after-ms=60000', false);
    counted.timer.hurry(0);
    vi.advanceTimersByTime(delayMs - 1);
    expect(counted.attempts).toBe(0);
    vi.advanceTimersByTime(1);
    expect(counted.attempts).toBe(1);
  });

  it('makes an attempt that is overdue, because the timers of a hidden page stand still', () => {
    const counted = countingTimer();
    counted.timer.start(1012, 'retry-after-ms=60000', false);
    const now = performance.now();
    vi.spyOn(performance, 'now').mockReturnValue(now + 60_000);
    counted.timer.hurry(0);
    vi.advanceTimersByTime(0);
    expect(counted.attempts).toBe(1);
  });
});
