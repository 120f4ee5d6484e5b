import { eventually } from '@holdfast/testkit/eventually';
import { expect, test } from 'vitest';
import { startReceiver } from '../testing/webhook-receiver.ts';
import { endpointOf, openEvents, startTestWebhooks } from '../testing/webhooks.ts';

const LOST = 'Redis has lost events: those before them may be sent again';

/** Events of one partition that were delivered, written at given times. */
async function delivered(agesMs: readonly number[]) {
  const events = await openEvents();
  const { commands } = events.redis;
  const stream = `${events.prefix}events:{7}`;
  const receiver = await startReceiver();
  await events.broker.leaseWebhook('backend', 'earlier');
  const state = { begins: String(Date.now() - 300_000) };
  const none = { cursors: new Map(), deliveries: new Map(), done: new Map() };
  await events.broker.writeWebhook('backend', 'earlier', { state, ...none });
  await events.broker.releaseWebhook('backend', 'earlier');
  const webhooks = await startTestWebhooks(events, [endpointOf(receiver, 'backend')]);
  const now = Date.now();
  const write = (n: number, ageMs: number) =>
    commands.xadd(stream, `${now - ageMs}-0`, 't', 'topic.lost', 'd', `{"topic":"a","n":${n}}`);
  for (const [n, ageMs] of agesMs.entries()) await write(n, ageMs);
  const numbers = () => receiver.taken.map(({ data }) => data['n']);
  await eventually(() => expect(numbers()).toHaveLength(agesMs.length));
  return { commands, stream, webhooks, write, numbers };
}

test('an event that a node whose clock is behind writes in the place of lost ones is delivered', async () => {
  const { commands, stream, webhooks, write, numbers } = await delivered([1_000, 500, 0]);
  await commands.del(stream);
  await write(0, 1_000);
  await write(9, 600);
  await eventually(() => expect(numbers()).toContain(9));
  expect(webhooks.log.linesWith(LOST)).toMatchObject([{ level: 'warn', endpoint: 'backend', partition: '7' }]);
  await write(10, 550);
  await eventually(() => expect(numbers()).toContain(10));
  expect(numbers().filter((n) => n === 9)).toHaveLength(1);
  expect((await webhooks.list())[0]?.dropped).toBe(0);
});

test('so is one that is written after the whole stream is gone', async () => {
  const { commands, stream, webhooks, write, numbers } = await delivered([0]);
  await commands.del(stream);
  await eventually(() => expect(webhooks.log.linesWith(LOST)).toHaveLength(1));
  await write(9, 1_000);
  await eventually(() => expect(numbers()).toEqual([0, 9]));
});

test('nothing is sent again while events keep coming', async () => {
  const { webhooks, write, numbers } = await delivered([1_000]);
  for (let n = 1; n < 900; n += 1) await write(n, 1_000 - n);
  await eventually(() => expect(numbers()).toHaveLength(900));
  expect(webhooks.log.linesWith(LOST)).toEqual([]);
});
