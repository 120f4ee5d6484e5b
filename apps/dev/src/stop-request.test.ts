import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { stopRequest } from './stop-request.ts';

function listen() {
  const source = new EventEmitter();
  const seen = { forced: 0, now: 1_000 };
  const request = stopRequest(
    source,
    () => {
      seen.forced += 1;
    },
    () => seen.now,
  );
  return { source, seen, request };
}

describe('the request to stop', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'])('comes by %s', (name) => {
    const { source, request } = listen();
    expect(request.signal.aborted).toBe(false);
    source.emit(name);
    expect(request.signal.aborted).toBe(true);
  });

  it('is not forced by the echo of a Ctrl-C that npm passes on, and is by a second Ctrl-C', () => {
    const { source, seen } = listen();
    source.emit('SIGINT');
    seen.now += 20;
    source.emit('SIGINT');
    expect(seen.forced).toBe(0);
    seen.now += 2_000;
    source.emit('SIGINT');
    expect(seen.forced).toBe(1);
  });

  it('gives the signals back', () => {
    const { source, request } = listen();
    request.forget();
    expect(source.eventNames()).toEqual([]);
  });
});
