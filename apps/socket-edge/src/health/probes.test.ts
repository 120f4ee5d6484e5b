import type { Post } from '@holdfast/broker/ear';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Canaries } from './probes.ts';
import { newTally } from '../counters.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { turns } from '../testing/turns.ts';

/** More than one canary's turn, with its jitter. */
const TURN_MS = 2300;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function pass(turnsOfIt: number): Promise<void> {
  for (let count = 0; count < turnsOfIt; count += 1) {
    await vi.advanceTimersByTimeAsync(TURN_MS);
    await turns(5);
  }
}

/** An edge that listens to servers a and b, of which some can be silent. */
function birds() {
  const redis = new MemoryRedis();
  const broker = redis.broker();
  const servers = new Set(['a', 'b']);
  const silent = new Set<string>();
  const replaced: string[] = [];
  const canaries = new Canaries({
    broker: {
      ...broker,
      sendCanary: async (name, nonce) => {
        if (!silent.has(name.replace('edge.', ''))) canaries.onHeard(nonce);
        return 1;
      },
    },
    tally: newTally(),
    posts: (): Post[] => [...servers].map((server) => ({ server, name: `edge.${server}` })),
    onDeaf: ({ server }) => replaced.push(server),
    onError: (error) => {
      throw error;
    },
  });
  return { canaries, servers, silent, replaced };
}

it('an edge that hears one server and not the other is deaf, says to which, and replaces that connection only', async () => {
  const { canaries, silent, replaced } = birds();
  const stop = canaries.start();
  await pass(2);
  expect(canaries.deaf).toBeNull();
  silent.add('b');
  await pass(4);
  expect(canaries.deaf).toMatch(/^nothing heard from b for \d+ s$/);
  expect(new Set(replaced)).toEqual(new Set(['b']));
  const silences = Object.fromEntries(canaries.silences().map(({ server, silentMs }) => [server, silentMs]));
  expect(silences['b']).toBeGreaterThan(5000);
  expect(silences['a']).toBeLessThan(5000);
  expect(canaries.silentMs).toBe(silences['b']);
  silent.delete('b');
  await pass(3);
  stop();
  expect(canaries.deaf).toBeNull();
});

it('a server that left is not listened for any more, and one that came is', async () => {
  const { canaries, servers, silent } = birds();
  const stop = canaries.start();
  silent.add('b');
  await pass(5);
  expect(canaries.deaf).not.toBeNull();
  servers.delete('b');
  servers.add('c');
  await pass(2);
  expect(canaries.deaf).toBeNull();
  expect(canaries.silences().map(({ server }) => server)).toEqual(['a', 'c']);
  silent.add('c');
  await pass(5);
  stop();
  expect(canaries.deaf).toMatch(/^nothing heard from c /);
});
