import { captureLog } from '@holdfast/service/captured-log';
import { expect, it } from 'vitest';
import { newCounters } from '../counters.ts';
import { memoryEdge } from '../testing/memory-edge.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { RecordingTransport } from '../testing/recording-transport.ts';
import { someClaim } from '../testing/some-claim.ts';
import { Connection } from './connection.ts';
import { ConnectionRegistry } from './registry.ts';
import { RequestedDrain } from './requested-drain.ts';

/** So many over a minute are two in each step, and more are left than a busy machine may close late. */
const COUNT = 2000;

function edgeWith(count: number, seconds: number) {
  const registry = new ConnectionRegistry();
  const log = captureLog();
  const sockets = Array.from({ length: count }, (_, index) => {
    const socket = new RecordingTransport();
    const connection = new Connection(someClaim(`${index}`), socket, 'open', newCounters());
    registry.add(connection);
    socket.terminate = () => {
      registry.remove(connection);
    };
    return socket;
  });
  const requested = new RequestedDrain({
    lists: [registry],
    seconds,
    logger: log.logger,
    onError: (error) => {
      throw error;
    },
  });
  return { requested, registry, sockets };
}

it('closes the connections at a request, and says that it changed something', async () => {
  const { requested, sockets, registry } = edgeWith(5, 0.1);
  expect(requested.draining).toBe(false);
  expect(requested.follow({ drain: true, at: 7 })).toBe(true);
  expect(requested.draining).toBe(true);
  expect(requested.request).toEqual({ drain: true, at: 7 });
  await expect.poll(() => registry.size).toBe(0);
  expect(sockets.every(({ closed }) => closed?.code === 1012)).toBe(true);
  expect(requested.draining).toBe(true);
});

it('follows no request that is older than the one it knows, or the same', () => {
  const { requested } = edgeWith(0, 1);
  requested.follow({ drain: true, at: 7 });
  expect(requested.follow({ drain: false, at: 7 })).toBe(false);
  expect(requested.follow({ drain: false, at: 6 })).toBe(false);
  expect(requested.draining).toBe(true);
  expect(requested.follow({ drain: true, at: 8 })).toBe(false);
  expect(requested.request.at).toBe(8);
});

it('keeps what is not closed yet when it is called off', async () => {
  const { requested, sockets, registry } = edgeWith(COUNT, 60);
  // One that goes on shows that steps have passed.
  const other = edgeWith(COUNT, 60);
  requested.follow({ drain: true, at: 1 });
  other.requested.follow({ drain: true, at: 1 });
  await expect.poll(() => sockets.some(({ closed }) => closed !== null)).toBe(true);
  expect(requested.follow({ drain: false, at: 2 })).toBe(true);
  expect(requested.draining).toBe(false);
  const closed = (of = sockets) => of.filter((socket) => socket.closed !== null).length;
  const atOnce = closed();
  const otherAtOnce = closed(other.sockets);
  await expect.poll(() => closed(other.sockets)).toBeGreaterThan(otherAtOnce + 10);
  other.requested.stop();
  expect(closed()).toBe(atOnce);
  expect(atOnce).toBeLessThan(COUNT);
  expect(registry.size).toBe(COUNT);
});

it('is looked for at once when the word for it comes on the channel of the edge', async () => {
  const redis = new MemoryRedis();
  const { edge, settled } = memoryEdge(redis);
  const stop = edge.start('ws://edge');
  await settled();
  redis.drainRequests.set('edge-a', { drain: true, at: 5 });
  redis.sendTo('edge-a', { kind: 'renew' });
  await settled();
  expect(edge.draining).toBe(true);
  stop();
});
