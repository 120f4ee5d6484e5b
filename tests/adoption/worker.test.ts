import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@holdfast/testkit/eventually';
import { expect, it } from 'vitest';
import { PATIENCE, startExample, startInstallationOf } from './example.ts';

interface Order {
  readonly number: number;
  readonly amount: number;
}

const KILLS = 3;

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
  const { body } = await installation.backend.call<{ messages: { id: string; data: Order }[] }>(
    'GET',
    '/v1/topics/orders/messages?limit=1000',
  );
  const first = body.messages.findIndex(({ data }) => data.number === finished()[0]);
  const last = body.messages.findIndex(({ id }) => id === state.position);
  const done = body.messages.slice(first, last + 1);
  const total = done.reduce((sum, { data }) => sum + data.amount, 0);
  expect(state).toMatchObject({ orders: done.length, total });
});
