import { eventually } from '@holdfast/testkit/eventually';
import { prefix, redisUrl } from '@holdfast/testkit/redis';
import { openSocket } from '@holdfast/testkit/socket';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Control, startControl } from '../testing/control.ts';
import { type RunningEdge, startEdge } from '../testing/running-edge.ts';

const mine = prefix();
let control: Control;
beforeAll(async () => {
  control = await startControl(redisUrl(), mine);
  await control.topics('news');
});
afterAll(() => control.stop());

let edge: RunningEdge;
beforeEach(async () => {
  edge = await startEdge({ redisUrl: redisUrl(), prefix: mine, drainSeconds: 0.2 });
  return () => edge.stop();
});

const listed = async () => (await control.broker.liveEdges()).find(({ id }) => id === edge.id);

async function connected() {
  const client = await control.register(['news']);
  const socket = await openSocket(edge.url, { client });
  await socket.next('welcome');
  return { client, socket };
}

test('an edge that is asked to drain closes its connections, takes no more, and lives on', async () => {
  const { client, socket } = await connected();
  expect(await control.broker.requestDrain(edge.id, true)).toBe('requested');
  expect(await socket.closed).toMatchObject({
    code: 1012,
    reason: expect.stringMatching(/^retry-after-ms=/) as string,
  });
  await expect(openSocket(edge.url, { client })).rejects.toThrow('503');
  expect(edge.health.readiness()).toMatchObject({
    ready: false,
    checks: { draining: 'draining at the request of an operator', redis: 'ok' },
  });
  await eventually(async () =>
    expect(await listed()).toMatchObject({ draining: true, leaving: false, connections: 0 }),
  );
  await eventually(() =>
    expect(edge.log.linesWith('drained: waiting for a request to take connections again')).toHaveLength(1),
  );

  expect(await control.broker.requestDrain(edge.id, false)).toBe('requested');
  await eventually(() => expect(edge.health.readiness().ready).toBe(true));
  await eventually(async () => expect(await listed()).toMatchObject({ draining: false }));
  const again = await openSocket(edge.url, { client });
  await again.next('welcome');
  const id = await control.publish('news', '1');
  expect(await again.next('message')).toMatchObject({ id });
});

test('a drain that is called off in the middle leaves the others connected', async () => {
  await edge.stop();
  edge = await startEdge({ redisUrl: redisUrl(), prefix: mine, drainSeconds: 60 });
  const clients = [];
  for (let count = 0; count < 20; count += 1) clients.push(await connected());
  await control.broker.requestDrain(edge.id, true);
  await eventually(() => expect(edge.edge.registry.size).toBeLessThan(20));
  await control.broker.requestDrain(edge.id, false);
  await eventually(() => expect(edge.edge.draining).toBe(false));
  // A client may not know yet that it was closed.
  const left = clients.filter(({ client }) => edge.edge.registry.get(client)?.phase === 'open');
  expect(left.length).toBeGreaterThan(10);
  await control.publish('news', '1');
  await Promise.all(left.map(({ socket }) => socket.next('message')));
});

test('the request is kept when the lease runs out', async () => {
  await control.broker.requestDrain(edge.id, true);
  await eventually(() => expect(edge.edge.draining).toBe(true));
  await control.redis.del(`${mine}edge:{${edge.id}}`);
  await eventually(async () => expect(await listed()).toMatchObject({ draining: true }));
  await edge.edge.beat();
  expect(edge.edge.draining).toBe(true);
  expect(await control.broker.requestDrain(edge.id, false)).toBe('requested');
  await eventually(() => expect(edge.edge.draining).toBe(false));
});

test('an edge that is asked to drain ends in order at a signal', async () => {
  const { socket } = await connected();
  await control.broker.requestDrain(edge.id, true);
  await socket.closed;
  await edge.edge.leave(1);
  expect(await listed()).toBeUndefined();
  expect(await control.broker.requestDrain(edge.id, false)).toBe('not-found');
});
