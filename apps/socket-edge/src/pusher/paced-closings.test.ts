import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { closings } from './faults.ts';
import { PacedClosings } from './paced-closings.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function setup() {
  const paced = new PacedClosings();
  const closed: string[] = [];
  const add = (count: number): void => {
    for (let index = 0; index < count; index += 1) {
      paced.add({ closeWith: ({ message }) => closed.push(message) }, closings.lost);
    }
  };
  return { paced, closed, add };
}

it('one connection is closed at once', () => {
  const { paced, closed, add } = setup();
  add(1);
  expect(closed).toEqual([closings.lost.message]);
  vi.advanceTimersByTime(50);
  add(1);
  expect(closed).toHaveLength(2);
  expect(paced.size).toBe(0);
});

it.each([10, 100, 1000])('%d at once are closed evenly over four seconds', (count) => {
  const { paced, closed, add } = setup();
  add(count);
  for (let quarter = 1; quarter <= 4; quarter += 1) {
    const before = closed.length;
    for (let step = 0; step < 20; step += 1) {
      const present = closed.length;
      vi.advanceTimersByTime(50);
      expect(closed.length - present).toBeLessThanOrEqual(Math.ceil(count / 80) + 2);
    }
    expect(Math.abs(closed.length - before - count / 4)).toBeLessThanOrEqual(2 + count / 80);
  }
  expect(closed).toHaveLength(count);
  expect(paced.size).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

it('those that come later do not hold up the others', () => {
  const { closed, add } = setup();
  add(80);
  for (let step = 0; step < 80; step += 1) {
    vi.advanceTimersByTime(50);
    add(1);
  }
  expect(closed.length).toBeGreaterThanOrEqual(80);
});

it('nothing is closed any more once they are stopped', () => {
  const { paced, closed, add } = setup();
  add(10);
  paced.stop();
  add(10);
  const before = closed.length;
  vi.advanceTimersByTime(10_000);
  expect(closed).toHaveLength(before);
  expect(vi.getTimerCount()).toBe(0);
});
