import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@holdfast/testkit/eventually';
import { expect, it } from 'vitest';
import type { Backend } from '../e2e/backend.ts';
import { PATIENCE, startExample, startInstallationOf } from './example.ts';

interface Order {
  readonly number: number;
  readonly amount: number;
}

const KILLS = 3;
/** Small, so that each run reads several pages. */
const PAGE = 20;

it('examples/worker goes on after kill -9, without losing or repeating an order', async () => {
  await using installation = await startInstallationOf('worker');
  const file = join(installation.directory, 'state.json');
  await using example = await startExample('examples/worker/README.md', {
    ...installation.env,
    STATE_FILE: file,
    ORDER_MS: '20',
    WORK_MS: '10',
  });
  const finished = () =>
    Array.from(example.output().matchAll(/^finished order (\d+):/gm), ([, number]) => Number(number));
  const workers = () => Array.from(example.output().matchAll(/kill -9 (\d+)/g), ([, pid]) => Number(pid));

  for (let kill = 0; kill < KILLS; kill += 1) {
    const { length } = finished();
    await eventually(() => expect(finished().length).toBeGreaterThan(length + 10), PATIENCE);
    expect(workers()).toHaveLength(kill + 1);
    process.kill(workers().at(-1) ?? 0, 'SIGKILL');
    await eventually(() => expect(workers()).toHaveLength(kill + 2), PATIENCE);
  }
  const { length } = finished();
  await eventually(() => expect(finished().length).toBeGreaterThan(length + 10), PATIENCE);
  await example.interrupt();
  expect(example.output().match(/worker ended \(SIGKILL\)/g)).toHaveLength(KILLS);
  expect(example.output()).not.toMatch(/are gone|Error/);

  // What was published from its first order on, up to its position, against what it has made of it.
  const state = JSON.parse(await readFile(file, 'utf8')) as { position: string; orders: number; total: number };
  const messages = await published(installation.backend);
  const first = messages.findIndex(({ data }) => data.number === finished()[0]);
  const last = messages.findIndex(({ id }) => id === state.position);
  expect([first, last]).not.toContain(-1);
  const done = messages.slice(first, last + 1);
  const total = done.reduce((sum, { data }) => sum + data.amount, 0);
  expect(state).toMatchObject({ orders: done.length, total });
});

interface Published {
  readonly id: string;
  readonly data: Order;
}

/** All orders, however long the run was. */
async function published(backend: Backend): Promise<Published[]> {
  const messages: Published[] = [];
  for (let hasMore = true; hasMore;) {
    const after = messages.at(-1)?.id ?? '0-0';
    const path = `/v1/topics/orders/messages?limit=${PAGE}&after=${after}`;
    const { body } = await backend.call<{ messages: Published[]; more?: boolean }>('GET', path);
    messages.push(...body.messages);
    hasMore = body.more ?? false;
  }
  return messages;
}
