import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Wheel } from './wheel.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => vi.useRealTimers());

function wheel() {
  const due: string[] = [];
  return { due, wheel: new Wheel<string>({ everyMs: 100, onDue: (item) => due.push(item) }) };
}

it('hands out each thing once, at its time and not before', () => {
  const { due, wheel: made } = wheel();
  made.set('a', performance.now() + 250);
  made.set('b', performance.now() + 1000);
  vi.advanceTimersByTime(249);
  expect(due).toEqual([]);
  vi.advanceTimersByTime(151);
  expect(due).toEqual(['a']);
  vi.advanceTimersByTime(5000);
  expect(due).toEqual(['a', 'b']);
});

it('moves what is set again, and forgets what is deleted', () => {
  const { due, wheel: made } = wheel();
  made.set('a', performance.now() + 200);
  made.set('a', performance.now() + 600);
  made.set('b', performance.now() + 200);
  made.delete('b');
  vi.advanceTimersByTime(400);
  expect(due).toEqual([]);
  expect([made.has('a'), made.isDueBy('a', performance.now() + 300), made.isDueBy('a', performance.now())]).toEqual([
    true,
    true,
    false,
  ]);
  vi.advanceTimersByTime(300);
  expect(due).toEqual(['a']);
});

it('comes to an end when things that are due are taken in again as due', () => {
  const calls: string[] = [];
  const made = new Wheel<string>({
    everyMs: 100,
    onDue: (item) => {
      calls.push(item);
      if (calls.length < 1000) made.set(item, 0);
    },
  });
  made.set('a', 0);
  made.set('b', 0);
  made.tick();
  expect(calls).toEqual(['a', 'b']);
  made.stop();
});

it('has a timer only while something is due', () => {
  const { wheel: made } = wheel();
  expect(vi.getTimerCount()).toBe(0);
  for (const item of ['a', 'b', 'c']) made.set(item, performance.now() + 100);
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(200);
  expect(made.size).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});
