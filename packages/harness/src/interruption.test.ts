import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { interruption } from './interruption.ts';

function pressed() {
  const source = new EventEmitter();
  const calls: string[] = [];
  let now = 1000;
  const signal = interruption(
    source,
    () => calls.push('first'),
    () => calls.push('force'),
    () => now,
  );
  return { calls, signal, after: (ms: number, name: string) => source.emit(name, (now += ms)) };
}

it.each(['SIGINT', 'SIGTERM', 'SIGHUP'])('%s interrupts', (name) => {
  const { calls, signal, after } = pressed();
  expect(signal.aborted).toBe(false);
  after(0, name);
  expect({ calls, aborted: signal.aborted }).toEqual({ calls: ['first'], aborted: true });
});

it('the echo that npm makes of a Ctrl-C is not a second one', () => {
  const { calls, after } = pressed();
  after(0, 'SIGINT');
  after(100, 'SIGINT');
  expect(calls).toEqual(['first']);
});

it('a person who asks again is not kept waiting', () => {
  const { calls, after } = pressed();
  after(0, 'SIGINT');
  after(2000, 'SIGINT');
  expect(calls).toEqual(['first', 'force']);
});
