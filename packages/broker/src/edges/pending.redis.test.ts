import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { connect, openBroker, someone, stateOf } from '../testing/brokers.ts';

const { redis, keys, control, edge } = await openBroker();

describe('the dirty set of an edge', () => {
  test('holds each client once, however often it is notified, until that is acknowledged', async () => {
    const edgeId = randomUUID();
    for (const client of ['a', 'b', 'a', 'c', 'a']) await edge.notify([edgeId], client);
    expect((await edge.readPending(edgeId, 10)).toSorted()).toEqual(['a', 'b', 'c']);
    expect((await edge.readPending(edgeId, 10)).toSorted()).toEqual(['a', 'b', 'c']);
    await edge.acknowledge(edgeId, ['a', 'c']);
    expect(await edge.readPending(edgeId, 10)).toEqual(['b']);
    await edge.acknowledge(edgeId, ['b', 'z']);
    expect(await edge.readPending(edgeId, 10)).toEqual([]);
  });

  test('is of each edge that is notified, and of no other', async () => {
    const [one, two, other] = [randomUUID(), randomUUID(), randomUUID()];
    await edge.notify([one, two], 'a');
    await edge.notify([], 'a');
    expect(await Promise.all([one, two, other].map((id) => edge.readPending(id, 10)))).toEqual([['a'], ['a'], []]);
    await edge.acknowledge(one, ['a']);
    expect(await edge.readPending(two, 10)).toEqual(['a']);
  });

  test('is read so many clients at a time, each of them another', async () => {
    const edgeId = randomUUID();
    const clients = Array.from({ length: 50 }, () => randomUUID());
    await Promise.all(clients.map((client) => edge.notify([edgeId], client)));
    const some = await edge.readPending(edgeId, 20);
    expect(new Set(some).size).toBe(20);
    expect((await edge.readPending(edgeId, 1000)).toSorted()).toEqual(clients.toSorted());
  });

  test('keeps all when nothing is acknowledged', async () => {
    const edgeId = randomUUID();
    await edge.notify([edgeId], 'a');
    await edge.acknowledge(edgeId, []);
    expect(await edge.readPending(edgeId, 10)).toEqual(['a']);
  });

  test('holds a client again that is notified between the acknowledgement and the reading of its state', async () => {
    const edgeId = randomUUID();
    await edge.notify([edgeId], 'a');
    await edge.acknowledge(edgeId, await edge.readPending(edgeId, 10));
    await edge.notify([edgeId], 'a');
    expect(await edge.readPending(edgeId, 10)).toEqual(['a']);
  });

  test('of an edge that acknowledges first and reads after leads to the last state, while changes go on: 200 of 200', async () => {
    for (let round = 0; round < 200; round += 1) {
      const client = someone();
      const edgeId = randomUUID();
      await control.register(client, null);
      await connect(edge, client.clientId, edgeId);
      let changing = true;
      const changes = (async () => {
        for (let index = 0; index < 5; index += 1) {
          await control.changeTopics(client.clientId, { add: new Map([[`t${index}`, '1-0 7']]) });
        }
        changing = false;
      })();
      let known = 0;
      for (let over = false; !over;) {
        const lastLook = !changing;
        const pending = await edge.readPending(edgeId, 10);
        await edge.acknowledge(edgeId, pending);
        if (pending.length > 0) known = (await stateOf(control, client.clientId)).topics.size;
        over = lastLook && pending.length === 0;
      }
      await changes;
      expect(known).toBe(5);
    }
  });

  test('that no edge reads goes away by itself, and lasts far longer than a lease', async () => {
    const edgeId = randomUUID();
    await edge.notify([edgeId], 'a');
    const left = await redis.ttl(keys.edgeDirty(edgeId));
    expect(left).toBeGreaterThan(3000);
    expect(left).toBeLessThanOrEqual(3600);
  });
});
