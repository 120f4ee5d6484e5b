import { Writable } from 'node:stream';
import { expect, it, vi } from 'vitest';
import { heartbeat, progressDisplay } from './progress.ts';

function stream(isTTY: boolean) {
  const written: string[] = [];
  const writable = new Writable({
    write: (chunk: Buffer, _, done) => {
      written.push(chunk.toString());
      done();
    },
  });
  return { display: progressDisplay(Object.assign(writable, { isTTY })), text: () => written.join('') };
}

it('without a terminal a phase ends in one plain line', () => {
  const { display, text } = stream(false);
  display.log('Redis: found');
  display.begin('registering', 10_000);
  display.update(1);
  display.update(10_000);
  display.begin('connecting', 5);
  display.update(3);
  display.end();
  display.end();
  expect(text()).toBe('Redis: found\nregistering: 10,000 of 10,000\nconnecting: 3 of 5\n');
});

it('on a terminal a phase is a bar', () => {
  const { display, text } = stream(true);
  display.begin('registering', 4);
  display.update(4);
  display.end();
  expect(text()).toContain('registering');
  expect(text()).toContain('4 of 4');
});

it('something is logged while nothing happens', () => {
  vi.useFakeTimers();
  const lines: string[] = [];
  {
    using pulse = heartbeat((line) => lines.push(line));
    pulse.log('waiting for Redis');
    vi.advanceTimersByTime(9_500);
    pulse.log('Redis answers');
    vi.advanceTimersByTime(4_000);
  }
  vi.advanceTimersByTime(60_000);
  vi.useRealTimers();
  expect(lines).toEqual([
    'waiting for Redis',
    expect.stringMatching(/^… waiting for Redis: \d+ s ago$/),
    expect.stringMatching(/^… waiting for Redis: \d+ s ago$/),
    'Redis answers',
  ]);
});
