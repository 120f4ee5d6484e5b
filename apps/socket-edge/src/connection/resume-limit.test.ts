import { expect, it } from 'vitest';
import { ResumeLimit } from './resume-limit.ts';

const MIB = 1024 * 1024;

function setUp() {
  let ms = 5000;
  const limit = new ResumeLimit(() => ms);
  return { limit, pass: (seconds: number): number => (ms += seconds * 1000) };
}

it('a client that comes back once a second for all its thousand topics is refused, told how long to wait, and taken then', () => {
  const { limit, pass } = setUp();
  let taken = 0;
  for (; limit.blockedFor('a') === null; taken += 1) {
    limit.onHandshake('a', 1000);
    pass(1);
  }
  expect(taken).toBe(3);
  const seconds = limit.blockedFor('a') ?? 0;
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(15);
  expect(limit.blockedFor('b')).toBeNull();
  pass(seconds);
  expect(limit.blockedFor('a')).toBeNull();
});

it('what a connection was sent from logs counts, up to a bound', () => {
  const { limit } = setUp();
  for (let count = 0; count < 3; count += 1) limit.onCaughtUp('a', 100 * MIB);
  expect(limit.blockedFor('a')).toBe(15);
  for (let count = 0; count < 30; count += 1) limit.onCaughtUp('b', MIB);
  expect(limit.blockedFor('b')).toBeNull();
  limit.onCaughtUp('b', MIB);
  expect(limit.blockedFor('b')).toBe(1);
});

it('a client whose connection breaks every second is taken for ever', () => {
  const { limit, pass } = setUp();
  for (let second = 0; second < 10_000; second += 1) {
    expect(limit.blockedFor('a')).toBeNull();
    limit.onHandshake('a', 10);
    limit.onCaughtUp('a', MIB / 2);
    pass(1);
  }
});

it('a client that owes nothing is forgotten', () => {
  const { limit, pass } = setUp();
  for (let client = 0; client < 1000; client += 1) limit.onHandshake(String(client), 0);
  pass(20);
  limit.onHandshake('late', 0);
  expect(limit.size).toBe(1);
});
