import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { interruption } from './interruption.ts';

function pressed() {
  const source = new EventEmitter();
  const told: string[] = [];
  let now = 1000;
  const signal = interruption(
    source,
    () => told.push('first'),
    () => told.push('force'),
    () => now,
  );
  return { told, signal, after: (ms: number, name: string) => source.emit(name, (now += ms)) };
}

it.each(['SIGINT', 'SIGTERM', 'SIGHUP'])('%s interrupts', (name) => {
  const { told, signal, after } = pressed();
  expect(signal.aborted).toBe(false);
  after(0, name);
  expect({ told, aborted: signal.aborted }).toEqual({ told: ['first'], aborted: true });
});

it('the echo that npm makes of a Ctrl-C is not a second one', () => {
  const { told, after } = pressed();
  after(0, 'SIGINT');
  after(100, 'SIGINT');
  expect(told).toEqual(['first']);
});

it('a person who asks again is not kept waiting', () => {
  const { told, after } = pressed();
  after(0, 'SIGINT');
  after(2000, 'SIGINT');
  expect(told).toEqual(['first', 'force']);
});
