import { beforeEach, expect, it } from 'vitest';
import { seededRandom } from '@holdfast/harness/random';
import { Churn } from './churn.ts';

const signal = new AbortController().signal;
let connected: Set<number>;
let most: number;
let fewest: number;

beforeEach(() => {
  connected = new Set(Array.from({ length: 30 }, (_, client) => client));
  [most, fewest] = [connected.size, connected.size];
});

/** Connections that take no time. */
const pool = {
  isConnected: (client: number) => connected.has(client),
  leave: async (client: number) => {
    expect(connected.delete(client)).toBe(true);
    fewest = Math.min(fewest, connected.size);
  },
  join: async (client: number) => {
    expect(connected.has(client)).toBe(false);
    connected.add(client);
    most = Math.max(most, connected.size);
  },
};

function churnOf(clients: readonly number[], rate: number, seconds: number): Churn {
  return new Churn({ pool, clients, rate, seconds, random: seededRandom(1) });
}

it('clients leave and join in turn, and some are away at the end', async () => {
  const churn = churnOf([...connected].slice(10), 20 / 0.1, 0.1);
  await churn.run(signal);
  // Half of those that may are away at most.
  expect([churn.leaves, churn.joins]).toEqual([15, 5]);
  expect([connected.size, fewest, most]).toEqual([20, 20, 30]);
  // Those that watch stay.
  for (let client = 0; client < 10; client += 1) expect(connected.has(client)).toBe(true);
});

it('one that is alone leaves and joins', async () => {
  const churn = churnOf([7], 60, 0.1);
  await churn.run(signal);
  expect([churn.leaves, churn.joins]).toEqual([3, 3]);
  expect(connected.has(7)).toBe(true);
});

it('none leaves where none may, nor one that has no connection', async () => {
  await churnOf([], 60, 0.1).run(signal);
  connected.delete(7);
  const churn = churnOf([7], 60, 0.1);
  await churn.run(signal);
  expect([churn.leaves, churn.joins, connected.size]).toEqual([0, 0, 29]);
});
