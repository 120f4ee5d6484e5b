import { describe, expect, it } from 'vitest';
import { BURST_SECONDS, type FrameDebt, FrameMeter, GRACE_SECONDS } from './frame-meter.ts';

const LIMITS = { framesPerSecond: 20, bytesPerSecond: 1000 };

function setUp() {
  let ms = 1_000_000;
  const meter = new FrameMeter(LIMITS, () => ms);
  const debt: FrameDebt = { frameDebt: 0, byteDebt: 0, debtAt: 0, overSince: 0 };
  return {
    debt,
    pass: (seconds: number): number => (ms += seconds * 1000),
    send: (frames: number, bytes = 0) => {
      for (let sent = 0; sent < frames; sent += 1) meter.charge(debt, bytes);
      return meter.verdict(debt);
    },
  };
}

describe('a connection may send', () => {
  it('at its rate for ever', () => {
    const { pass, send } = setUp();
    for (let second = 0; second < 1000; second += 1) {
      expect(send(LIMITS.framesPerSecond)).toBe('go');
      pass(1);
    }
  });

  it('a burst at once, after it was quiet', () => {
    const { pass, send } = setUp();
    expect(send(LIMITS.framesPerSecond * BURST_SECONDS)).toBe('go');
    expect(send(1)).toBe('wait');
    pass(BURST_SECONDS + 1);
    expect(send(LIMITS.framesPerSecond * BURST_SECONDS)).toBe('go');
  });
});

describe('a connection that sends more waits, and is sent away', () => {
  it.each([
    ['frames', LIMITS.framesPerSecond, 0],
    ['bytes', 1, LIMITS.bytesPerSecond],
  ])('for its %s', (_, frames, bytes) => {
    const { pass, send } = setUp();
    expect(send(frames * BURST_SECONDS, bytes)).toBe('go');
    for (let second = 0; second < GRACE_SECONDS; second += 1) {
      expect(send(frames * 2, bytes)).toBe('wait');
      pass(1);
    }
    expect(send(0)).toBe('too-many');
  });

  it('also when it is held at its rate all the time', () => {
    const { pass, send } = setUp();
    send(LIMITS.framesPerSecond * BURST_SECONDS + 1);
    for (let second = 0; second < GRACE_SECONDS - 1; second += 1) {
      pass(1);
      expect(send(LIMITS.framesPerSecond + 1)).toBe('wait');
    }
    pass(1);
    expect(send(LIMITS.framesPerSecond + 1)).toBe('too-many');
  });

  it('but not when it has been quiet in between', () => {
    const { pass, send } = setUp();
    for (let burst = 0; burst < 10; burst += 1) {
      expect(send(LIMITS.framesPerSecond * BURST_SECONDS + 1)).toBe('wait');
      pass(BURST_SECONDS + 1);
      expect(send(0)).toBe('go');
    }
  });
});

it('numbers stay small integers, however long a connection was quiet', () => {
  const { debt, pass, send } = setUp();
  send(3, 100);
  pass(10_000_000);
  send(1, 7);
  expect(Object.values(debt).every((value) => Number.isInteger(value) && value < 2 ** 31)).toBe(true);
  expect(debt.frameDebt).toBe(10);
});
