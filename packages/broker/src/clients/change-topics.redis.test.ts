import { randomUUID } from 'node:crypto';
import { MAX_TOPICS } from '@holdfast/protocol/limits';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NewClient } from '../broker.ts';
import { connect, openBroker, someone } from '../testing/brokers.ts';

const { redis, keys, control, edge } = await openBroker();

async function registered(fields: Partial<NewClient> = {}): Promise<string> {
  const client = someone(fields);
  expect(await control.register(client, null)).toBe('registered');
  return client.clientId;
}

async function topicsOf(clientId: string): Promise<Record<string, string>> {
  return Object.fromEntries((await control.readClient(clientId))?.topics ?? []);
}

const numbered = (count: number) =>
  new Map(Array.from({ length: count }, (_, index): [string, string] => [`t${index}`, '1-0']));

describe('changing topics', () => {
  test('adds with the position at which each begins; what is there keeps its own', async () => {
    const clientId = await registered({ topics: new Map([['news', '5-0']]) });
    const outcome = await control.changeTopics(clientId, {
      add: new Map([
        ['news', '9-0'],
        ['load.x.12', '7-3'],
      ]),
    });
    expect(outcome).toMatchObject({ kind: 'changed', client: { clientId } });
    expect(outcome.kind === 'changed' && Object.fromEntries(outcome.client.topics)).toEqual({
      news: '5-0',
      'load.x.12': '7-3',
    });
    expect(await topicsOf(clientId)).toEqual({ news: '5-0', 'load.x.12': '7-3' });
  });

  test('removes, also what is not there', async () => {
    const clientId = await registered({
      topics: new Map([
        ['news', '5-0'],
        ['sport', '6-0'],
      ]),
    });
    expect(await control.changeTopics(clientId, { remove: ['news', 'other'] })).toMatchObject({ kind: 'changed' });
    expect(await topicsOf(clientId)).toEqual({ sport: '6-0' });
  });

  test('drops a stale subscription only if it still begins where it was seen to', async () => {
    const clientId = await registered({
      topics: new Map([
        ['news', '5-0'],
        ['sport', '6-0'],
      ]),
    });
    await control.changeTopics(clientId, {
      stale: new Map([
        ['news', '5-0'],
        ['sport', '5-9'],
      ]),
    });
    expect(await topicsOf(clientId)).toEqual({ sport: '6-0' });
  });

  test('begins a stale subscription anew when it is added as well', async () => {
    const clientId = await registered({ topics: new Map([['news', '5-0']]) });
    await control.changeTopics(clientId, { stale: new Map([['news', '5-0']]), add: new Map([['news', '9-0']]) });
    expect(await topicsOf(clientId)).toEqual({ news: '9-0' });
  });

  test('of a client that is not registered changes and creates nothing', async () => {
    const clientId = randomUUID();
    expect(await control.changeTopics(clientId, { add: new Map([['news', '1-0']]) })).toEqual({ kind: 'not-found' });
    expect(await redis.exists(keys.client(clientId))).toBe(0);
  });

  test('never gives a client more topics than it may have, and then changes nothing at all', async () => {
    const clientId = await registered({ topics: numbered(MAX_TOPICS - 1) });
    const tooMany = {
      add: new Map([
        ['one', '1-0'],
        ['two', '1-0'],
      ]),
      stale: new Map([['t0', '9-9']]),
    };
    expect(await control.changeTopics(clientId, tooMany)).toEqual({ kind: 'too-many' });
    expect(Object.keys(await topicsOf(clientId))).toHaveLength(MAX_TOPICS - 1);
    expect(await control.changeTopics(clientId, { add: new Map([['one', '1-0']]) })).toMatchObject({ kind: 'changed' });
    expect(await control.changeTopics(clientId, { add: new Map([['one', '1-0']]) })).toMatchObject({ kind: 'changed' });
    const exchange = { add: new Map([['two', '1-0']]), remove: ['t1'] };
    expect(await control.changeTopics(clientId, exchange)).toMatchObject({ kind: 'changed' });
    expect(Object.keys(await topicsOf(clientId))).toHaveLength(MAX_TOPICS);
  });

  test('takes as many topics in one call as a client may have', async () => {
    const clientId = await registered();
    const all = numbered(MAX_TOPICS);
    expect(await control.changeTopics(clientId, { add: all })).toMatchObject({ kind: 'changed' });
    expect(await control.changeTopics(clientId, { stale: all, remove: [...all.keys()] })).toMatchObject({
      kind: 'changed',
      client: { topics: new Map() },
    });
  });

  test('does what a map would do, whatever the order of changes', async () => {
    const topic = fc.constantFrom('a', 'b', 'a.b', 'load.x.12', 'constructor');
    const position = fc.nat({ max: 3 }).map((time) => `${time}-0`);
    const pairs = fc.array(fc.tuple(topic, position), { maxLength: 3 }).map((list) => new Map(list));
    const change = fc.record({ stale: pairs, add: pairs, remove: fc.array(topic, { maxLength: 3 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 6 }), async (changes) => {
        const clientId = await registered();
        const model = new Map<string, string>();
        for (const { stale, add, remove } of changes) {
          await control.changeTopics(clientId, { stale, add, remove });
          for (const [name, begin] of stale) if (model.get(name) === begin) model.delete(name);
          for (const name of remove) model.delete(name);
          for (const [name, begin] of add) if (!model.has(name)) model.set(name, begin);
          expect(await topicsOf(clientId)).toEqual(Object.fromEntries(model));
        }
      }),
    );
  });

  test('notifies the edge of the client, and one that may still hold an older connection; none when there is none', async () => {
    const clientId = await registered();
    const [older, owner] = [randomUUID(), randomUUID()];
    await connect(edge, clientId, older);
    const generation = await connect(edge, clientId, owner);
    for (const change of [{ add: new Map([['news', '1-0 7']]) }, { remove: ['news'] }]) {
      await control.changeTopics(clientId, change);
      for (const edgeId of [owner, older]) {
        expect(await edge.readPending(edgeId, 10)).toEqual([clientId]);
        await edge.acknowledge(edgeId, [clientId]);
      }
    }
    await edge.release(clientId, owner, generation);
    await edge.release(clientId, older, 0);
    await control.changeTopics(clientId, { add: new Map([['news', '1-0 7']]) });
    for (const edgeId of [owner, older]) expect(await edge.readPending(edgeId, 10)).toEqual([]);
  });

  test('is read by a claim of the same moment, or its edge is notified: 500 of 500', async () => {
    const owner = randomUUID();
    for (let round = 0; round < 500; round += 1) {
      const clientId = await registered();
      const subscribe = () => control.changeTopics(clientId, { add: new Map([['news', '1-0 7']]) });
      const subscribing = round % 2 === 0 ? subscribe() : undefined;
      const claiming = edge.claim({ clientId, edge: owner });
      await (subscribing ?? subscribe());
      const claim = await claiming;
      const isRead = claim.kind === 'claimed' && claim.client.topics.has('news');
      const isPending = (await edge.readPending(owner, 10)).includes(clientId);
      expect(isRead || isPending).toBe(true);
      await edge.acknowledge(owner, [clientId]);
    }
  });
});
