import { randomUUID } from 'node:crypto';
import { MAX_TOPICS } from '@holdfast/protocol/limits';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NewClient } from './broker.ts';
import { endedSubscriptions } from './client-state.ts';
import { openBroker, someone } from './test-broker.ts';

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

  test('of somebody who is not registered changes and creates nothing', async () => {
    const clientId = randomUUID();
    expect(await control.changeTopics(clientId, { add: new Map([['news', '1-0']]) })).toEqual({ kind: 'unknown' });
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

  test('lets the edge of the client hear of it, and nobody when it is not connected', async () => {
    const clientId = await registered();
    const owner = randomUUID();
    await edge.claim(clientId, owner, 'c1');
    await control.changeTopics(clientId, { add: new Map([['news', '1-0']]) });
    expect(await edge.peekLetters(owner, 10)).toEqual([clientId]);
    await edge.takeLetters(owner, [clientId]);
    await control.changeTopics(clientId, { remove: ['news'] });
    expect(await edge.peekLetters(owner, 10)).toEqual([clientId]);
    await edge.takeLetters(owner, [clientId]);
    await edge.release(clientId, owner, 'c1');
    await control.changeTopics(clientId, { add: new Map([['news', '1-0']]) });
    expect(await edge.peekLetters(owner, 10)).toEqual([]);
  });

  test('notes what ended while connected, one after the other, until the edge has delivered it', async () => {
    const clientId = await registered();
    const noted = async () => Object.fromEntries((await control.readClient(clientId))?.ended ?? []);
    const subscribeAndLeave = async (begin: string, end: string) => {
      await control.changeTopics(clientId, { add: new Map([['news', begin]]) });
      await control.changeTopics(clientId, { remove: ['news'], endsAt: new Map([['news', end]]) });
    };
    await subscribeAndLeave('1-0', '2-0');
    expect(await noted()).toEqual({});
    await edge.claim(clientId, 'e1', 'c1');
    await subscribeAndLeave('3-0', '4-0');
    const first = await control.readClient(clientId);
    expect(await noted()).toEqual({ news: '3-0,4-0' });
    expect(endedSubscriptions('3-0,4-0 5-0,6-0')).toEqual([
      { begin: '3-0', end: '4-0' },
      { begin: '5-0', end: '6-0' },
    ]);
    await subscribeAndLeave('5-0', '6-0');
    await subscribeAndLeave('7-0', '7-0');
    expect(await noted()).toEqual({ news: '3-0,4-0 5-0,6-0' });
    expect(await topicsOf(clientId)).toEqual({});
    await edge.forgetEnded(clientId, first?.ended ?? new Map());
    expect(await noted()).toEqual({ news: '5-0,6-0' });
    await edge.forgetEnded(clientId, new Map([['news', '5-0,6-0']]));
    expect(await noted()).toEqual({});
    await subscribeAndLeave('8-0', '9-0');
    await edge.claim(clientId, 'e1', 'c2');
    expect(await noted()).toEqual({});
  });

  test('meeting a claim is seen by the claim, or its edge hears of it: 500 of 500', async () => {
    const owner = randomUUID();
    for (let round = 0; round < 500; round += 1) {
      const clientId = await registered();
      const subscribe = () => control.changeTopics(clientId, { add: new Map([['news', '1-0']]) });
      const connect = () => edge.claim(clientId, owner, `c${round}`);
      const subscribing = round % 2 === 0 ? subscribe() : undefined;
      const connecting = connect();
      await (subscribing ?? subscribe());
      const claim = await connecting;
      const seen = claim.kind === 'claimed' && claim.client.topics.has('news');
      const heard = (await edge.peekLetters(owner, 10)).includes(clientId);
      expect(seen || heard).toBe(true);
      await edge.takeLetters(owner, [clientId]);
    }
  });
});
