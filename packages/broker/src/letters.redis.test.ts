import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { openBroker, someone } from './test-broker.ts';

const { redis, keys, control, edge } = await openBroker();

describe('a letter box', () => {
  test('holds each client once, however often it is rung for, until it is taken', async () => {
    const box = randomUUID();
    for (const client of ['a', 'b', 'a', 'c', 'a']) await edge.ring(box, client);
    expect((await edge.peekLetters(box, 10)).toSorted()).toEqual(['a', 'b', 'c']);
    expect((await edge.peekLetters(box, 10)).toSorted()).toEqual(['a', 'b', 'c']);
    await edge.takeLetters(box, ['a', 'c']);
    expect(await edge.peekLetters(box, 10)).toEqual(['b']);
    await edge.takeLetters(box, ['b', 'z']);
    expect(await edge.peekLetters(box, 10)).toEqual([]);
  });

  test('is looked into so many letters at a time, each of them another', async () => {
    const box = randomUUID();
    const clients = Array.from({ length: 50 }, () => randomUUID());
    await Promise.all(clients.map((client) => edge.ring(box, client)));
    const some = await edge.peekLetters(box, 20);
    expect(new Set(some).size).toBe(20);
    expect((await edge.peekLetters(box, 1000)).toSorted()).toEqual(clients.toSorted());
  });

  test('may be asked to give nothing', async () => {
    const box = randomUUID();
    await edge.ring(box, 'a');
    await edge.takeLetters(box, []);
    expect(await edge.peekLetters(box, 10)).toEqual(['a']);
  });

  test('keeps a letter that comes between the taking of another for the same client and the reading of its state', async () => {
    const box = randomUUID();
    await edge.ring(box, 'a');
    await edge.takeLetters(box, await edge.peekLetters(box, 10));
    await edge.ring(box, 'a');
    expect(await edge.peekLetters(box, 10)).toEqual(['a']);
  });

  test('of an edge that takes first and reads after tells it the last word, while changes go on: 200 of 200', async () => {
    for (let round = 0; round < 200; round += 1) {
      const client = someone();
      const box = randomUUID();
      await control.register(client, null);
      await edge.claim(client.clientId, box, 'c1');
      let changing = true;
      const changes = (async () => {
        for (let index = 0; index < 5; index += 1) {
          await control.changeTopics(client.clientId, { add: new Map([[`t${index}`, '1-0']]) });
        }
        changing = false;
      })();
      let known = 0;
      for (let over = false; !over;) {
        const lastLook = !changing;
        const letters = await edge.peekLetters(box, 10);
        await edge.takeLetters(box, letters);
        const [state] = letters.length > 0 ? await edge.readClients([client.clientId]) : [];
        known = state?.topics.size ?? known;
        over = lastLook && letters.length === 0;
      }
      await changes;
      expect(known).toBe(5);
    }
  });

  test('that nobody empties goes away by itself, and lasts far longer than a lease', async () => {
    const box = randomUUID();
    await edge.ring(box, 'a');
    const left = await redis.ttl(keys.edgeDirty(box));
    expect(left).toBeGreaterThan(30);
    expect(left).toBeLessThanOrEqual(60);
  });
});
