import { broadcast } from '../transport/broadcast.ts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Connection } from './connection.ts';
import { Heartbeat } from './heartbeat.ts';
import { ConnectionRegistry } from './registry.ts';
import { newCounters } from '../counters.ts';
import { RecordingTransport } from '../testing/recording-transport.ts';
import { someClaim } from '../testing/some-claim.ts';

const EVERY_MS = 25_000;
const TICK_MS = 1000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function edgeWith(count: number, everyMs = EVERY_MS) {
  const registry = new ConnectionRegistry();
  const counters = newCounters();
  const add = (id: string) => {
    const socket = new RecordingTransport();
    const connection = new Connection(someClaim(id), socket, 'open', counters);
    registry.add(connection);
    return { socket, connection };
  };
  const all = Array.from({ length: count }, (_, index) => add(`${index}`));
  const stop = new Heartbeat({ lists: [registry], broadcast, counters, everyMs }).start();
  /** Time passes, and every pinged peer answers. */
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += TICK_MS) {
      vi.advanceTimersByTime(TICK_MS);
      for (const { connection } of all) connection.unanswered = 0;
    }
  };
  return { registry, counters, all, add, stop, pass };
}

describe('the heartbeat', () => {
  it.each([1, 2, 3, 10, 26, 99, 1000])('pings each of %i connections once in a heartbeat', (count) => {
    const { all, pass, stop } = edgeWith(count);
    pass(10 * EVERY_MS);
    stop();
    for (const { socket } of all) {
      expect(socket.pings).toBeGreaterThanOrEqual(9);
      expect(socket.pings).toBeLessThanOrEqual(11);
    }
  });

  it('spreads them over the time', () => {
    const { all, stop } = edgeWith(1000);
    let before = 0;
    for (let second = 0; second < 25; second += 1) {
      vi.advanceTimersByTime(TICK_MS);
      const pings = all.reduce((sum, { socket }) => sum + socket.pings, 0);
      expect(pings - before).toBe(40);
      before = pings;
    }
    stop();
  });

  it('ends a connection that left two pings unanswered, and not before', () => {
    const { all, counters, stop } = edgeWith(1);
    const [{ socket, connection }] = all as [(typeof all)[0]];
    vi.advanceTimersByTime(2 * EVERY_MS);
    expect(socket.pings).toBe(2);
    // Anything that is received counts.
    connection.unanswered = 0;
    vi.advanceTimersByTime(2 * EVERY_MS);
    expect(socket.terminated).toBe(false);
    vi.advanceTimersByTime(EVERY_MS);
    expect(socket.terminated).toBe(true);
    expect(counters.heartbeatsMissed).toBe(1);
    stop();
  });

  it('closes a connection that has taken nothing for long with 4408', () => {
    const { all, counters, pass, stop } = edgeWith(2);
    const [stuck, well] = all as [(typeof all)[0], (typeof all)[0]];
    stuck.socket.stopped = true;
    stuck.connection.send(Buffer.alloc(100_000), 1);
    expect(stuck.connection.congested).toBe(true);
    const { pings } = stuck.socket;
    // It answers nothing either, and is not cut for that.
    vi.advanceTimersByTime(50_000);
    expect(stuck.socket).toMatchObject({ closed: null, terminated: false, pings });
    well.connection.unanswered = 0;
    pass(2 * EVERY_MS);
    expect(stuck.socket.closed).toMatchObject({ code: 4408 });
    expect(well.socket.closed).toBeNull();
    expect(counters.evictedStuck).toBe(1);
    stop();
  });

  it('forgets no connection while others come and go', () => {
    const { registry, all, add, pass, stop } = edgeWith(50);
    const stays = all.slice(40);
    for (let second = 0; second < 100; second += 1) {
      const { connection } = add(`new-${second}`);
      if (second % 2 === 0) registry.remove(connection);
      const leaving = all[second % 40];
      if (leaving && second < 40) registry.remove(leaving.connection);
      pass(TICK_MS);
    }
    // Four heartbeats; a connection that changed places may have been met once more or less.
    for (const { socket } of stays) expect(socket.pings).toBeGreaterThanOrEqual(2);
    stop();
  });

  it('ends with its stop', () => {
    const { stop } = edgeWith(1);
    stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});
