import { parseRetryAfter } from '@holdfast/protocol/close-codes';
import { describe, expect, it } from 'vitest';
import { Connection } from './connection.ts';
import { drain } from './drain.ts';
import { ConnectionRegistry } from './registry.ts';
import { newCounters } from '../counters.ts';
import { RecordingTransport } from '../testing/recording-transport.ts';
import { someClaim } from '../testing/some-claim.ts';

class Peer extends RecordingTransport {
  onClose: () => void = () => undefined;
  onTerminate: () => void = () => undefined;

  override close(code: number, reason: string): void {
    super.close(code, reason);
    this.onClose();
  }

  override terminate(): void {
    super.terminate();
    this.onTerminate();
  }
}

/** Connections whose peers answer the goodbye, or never do. */
function edgeWith(count: number, { polite = true } = {}) {
  const registry = new ConnectionRegistry();
  const counters = newCounters();
  /** How many had been closed after each step, and how long after the beginning that was. */
  const steps: { closed: number; elapsedMs: number }[] = [];
  const begun = performance.now();
  let closed = 0;
  let recorded = true;
  const sockets = Array.from({ length: count }, (_, index) => {
    const socket = new Peer();
    const connection = new Connection(someClaim(`${index}`), socket, 'open', counters);
    registry.add(connection);
    const gone = () => setImmediate(() => registry.remove(connection));
    socket.onTerminate = gone;
    socket.onClose = () => {
      if (polite) gone();
      closed += 1;
      if (!recorded) return;
      recorded = false;
      setImmediate(() => {
        recorded = true;
        steps.push({ closed, elapsedMs: performance.now() - begun });
      });
    };
    return socket;
  });
  return { registry, sockets, steps };
}

describe('a drain', () => {
  it('closes all connections in many small steps, with a delay for each to come back after', async () => {
    const { registry, sockets, steps } = edgeWith(1600);
    await drain([registry], 2);
    expect(registry.size).toBe(0);
    expect(sockets.every(({ closed, terminated }) => closed?.code === 1012 && !terminated)).toBe(true);
    const delays = sockets.map(({ closed }) => parseRetryAfter(closed?.reason ?? '') ?? Number.NaN);
    expect(delays.every((delay) => delay >= 0 && delay <= 1000)).toBe(true);
    expect(new Set(delays).size).toBeGreaterThan(100);
    // 1,600 in 1.6 s: so many in each step of 50 ms, and on a machine on which steps come late, as many as are due.
    expect(steps.length).toBeGreaterThan(1);
    for (const { closed, elapsedMs } of steps) expect(closed).toBeLessThanOrEqual(Math.ceil(elapsedMs + 50));
  });

  it('spreads a few closes over the time as well', async () => {
    const { registry, sockets, steps } = edgeWith(4);
    await drain([registry], 1);
    expect(sockets.every(({ closed }) => closed?.code === 1012)).toBe(true);
    expect(steps.length).toBeGreaterThan(1);
    for (const { closed, elapsedMs } of steps) expect(closed).toBeLessThanOrEqual(Math.ceil((elapsedMs + 50) / 200));
  });

  it('is over at once without connections', async () => {
    await expect(drain([new ConnectionRegistry()], 3600)).resolves.toBeUndefined();
  });

  it('cuts what has not answered when the time is over', async () => {
    const { registry, sockets } = edgeWith(50, { polite: false });
    await drain([registry], 0.2);
    expect(sockets.every(({ closed, terminated }) => closed?.code === 1012 && terminated)).toBe(true);
    expect(registry.size).toBe(0);
  });

  it('that is called off leaves alone what is not closed yet', async () => {
    const { registry, sockets } = edgeWith(100);
    const over = new AbortController();
    const draining = drain([registry], 60, over.signal);
    await expect.poll(() => registry.size, { timeout: 10_000 }).toBeLessThan(100);
    over.abort();
    await draining;
    const closed = sockets.filter((socket) => socket.closed !== null);
    expect(closed.length).toBeLessThan(100);
    expect(sockets.some(({ terminated }) => terminated)).toBe(false);
  });

  it('closes everybody in one go when there is no time', async () => {
    const { registry, sockets, steps } = edgeWith(500);
    await drain([registry], 0);
    expect(sockets.every(({ closed }) => closed?.code === 1012)).toBe(true);
    expect(steps).toMatchObject([{ closed: 500 }]);
  });
});
