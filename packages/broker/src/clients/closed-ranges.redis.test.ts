import { describe, expect, test } from 'vitest';
import { closedRanges } from './state.ts';
import { connect, openBroker, someone, stateOf } from '../testing/brokers.ts';

const { redis, keys, control, edge } = await openBroker();

/** What the ranges of a topic may take, and room for the one that says what was dropped. */
const MOST_BYTES = 2_200;

async function registered() {
  const client = someone();
  const { clientId } = client;
  await control.register(client, null);
  let time = 1;
  return {
    clientId,
    /** Subscribes and unsubscribes again, with a message in between. Gives the range. */
    subscribeAndLeave: async (incarnation = '7') => {
      const [begin, end] = [`${time}-0`, `${time + 1}-0`];
      time += 2;
      await control.changeTopics(clientId, { add: new Map([['news', `${begin} ${incarnation}`]]) });
      await control.changeTopics(clientId, { remove: ['news'], endsAt: new Map([['news', end]]) });
      return `${begin},${end},${incarnation}`;
    },
    kept: async () => (await stateOf(control, clientId)).closed.get('news') ?? '',
    acknowledge: async (ranges: string) =>
      edge.acknowledgeRanges(await stateOf(control, clientId), new Map([['news', ranges]])),
  };
}

test('closed ranges are taken apart in their order, with what was dropped', () => {
  expect(closedRanges('3-0,4-0,7 !5-0,9-1,8')).toEqual([
    { begin: '3-0', end: '4-0', incarnation: '7', dropped: false },
    { begin: '5-0', end: '9-1', incarnation: '8', dropped: true },
  ]);
});

describe('a connected client that was subscribed', () => {
  test('keeps its ranges one after the other, with the incarnation of each topic, whichever edge connects next', async () => {
    const { clientId, subscribeAndLeave, kept } = await registered();
    const generation = await connect(edge, clientId, 'e1');
    const ranges = [await subscribeAndLeave('7'), await subscribeAndLeave('8')];
    expect(await kept()).toBe(ranges.join(' '));
    expect((await stateOf(control, clientId)).topics).toEqual(new Map());
    await edge.release(clientId, 'e1', generation);
    await connect(edge, clientId, 'e2');
    expect(await kept()).toBe(ranges.join(' '));
  });

  test('keeps no range of a subscription in which nothing was published, or whose end is not given', async () => {
    const { clientId, kept } = await registered();
    await connect(edge, clientId, 'e1');
    const add = new Map([['news', '5-0 7']]);
    await control.changeTopics(clientId, { add });
    await control.changeTopics(clientId, { remove: ['news'], endsAt: new Map([['news', '5-0']]) });
    await control.changeTopics(clientId, { add });
    await control.changeTopics(clientId, { remove: ['news'] });
    await control.changeTopics(clientId, { add });
    await control.changeTopics(clientId, { stale: add });
    expect(await kept()).toBe('');
  });

  test('keeps ranges also when its edge was given up: it may only have been late', async () => {
    const { clientId, subscribeAndLeave, kept } = await registered();
    await connect(edge, clientId, 'e1');
    await control.markOwnerGone(await stateOf(control, clientId));
    const range = await subscribeAndLeave();
    expect(await kept()).toBe(range);
  });

  test('keeps ranges up to a bound, and past that one range of what was dropped, which grows', async () => {
    const { clientId, subscribeAndLeave, kept } = await registered();
    await connect(edge, clientId, 'e1');
    const ranges: string[] = [];
    while (!(await kept()).includes('!')) {
      ranges.push(await subscribeAndLeave());
      expect(ranges.length).toBeLessThan(MOST_BYTES);
    }
    const whole = ranges.slice(0, -1);
    expect(whole.length).toBeGreaterThan(50);
    expect(await kept()).toBe([...whole, `!${ranges.at(-1)}`].join(' '));
    const [lostSince] = (ranges.at(-1) ?? '').split(',');
    for (let time = 0; time < 300; time += 1) {
      const [, end] = (await subscribeAndLeave(String(time))).split(',');
      expect(await kept()).toBe([...whole, `!${lostSince},${end},${time}`].join(' '));
      expect((await kept()).length).toBeLessThan(MOST_BYTES);
    }
  });

  test('keeps ranges again once there is room, behind what was dropped, and stays within the bound', async () => {
    const { clientId, subscribeAndLeave, kept, acknowledge } = await registered();
    await connect(edge, clientId, 'e1');
    while (!(await kept()).includes('!')) await subscribeAndLeave();
    const read = await kept();
    const dropped = read.slice(read.indexOf('!'));
    await acknowledge(read.slice(0, read.indexOf(' !')));
    expect(await kept()).toBe(dropped);
    const next = await subscribeAndLeave();
    expect(await kept()).toBe(`${dropped} ${next}`);
    while ((await kept()).split('!').length < 3) await subscribeAndLeave();
    for (let time = 0; time < 100; time += 1) await subscribeAndLeave();
    expect((await kept()).split('!')).toHaveLength(3);
    expect((await kept()).length).toBeLessThan(MOST_BYTES);
    expect(closedRanges(await kept()).filter((range) => range.dropped)).toHaveLength(2);
  });
});

describe('a client without an owner that was subscribed', () => {
  test('keeps only that something was dropped, in one range that grows', async () => {
    const { subscribeAndLeave, kept } = await registered();
    const first = await subscribeAndLeave();
    expect(await kept()).toBe(`!${first}`);
    await subscribeAndLeave();
    const [, end] = (await subscribeAndLeave('8')).split(',');
    expect(await kept()).toBe(`!1-0,${end},8`);
  });

  test('keeps what was whole before, and drops from there on', async () => {
    const { clientId, subscribeAndLeave, kept } = await registered();
    const generation = await connect(edge, clientId, 'e1');
    const whole = await subscribeAndLeave();
    await edge.release(clientId, 'e1', generation);
    await subscribeAndLeave();
    await subscribeAndLeave();
    expect(await kept()).toBe(`${whole} !3-0,6-0,7`);
  });
});

describe('acknowledging ranges', () => {
  test('removes exactly what was read, and keeps what came after', async () => {
    const { clientId, subscribeAndLeave, kept, acknowledge } = await registered();
    await connect(edge, clientId, 'e1');
    await subscribeAndLeave();
    await subscribeAndLeave();
    const read = await kept();
    const later = await subscribeAndLeave();
    await acknowledge(read);
    expect(await kept()).toBe(later);
    await acknowledge(read);
    expect(await kept()).toBe(later);
    await acknowledge(later);
    expect(await redis.hexists(keys.client(clientId), '-news')).toBe(0);
  });

  test('of what is only like the beginning of what is there removes nothing', async () => {
    const { clientId, subscribeAndLeave, kept, acknowledge } = await registered();
    await connect(edge, clientId, 'e1');
    const range = await subscribeAndLeave('71');
    await acknowledge(range.slice(0, -1));
    await acknowledge('');
    expect(await kept()).toBe(range);
  });

  test('keeps what was dropped as long as more was dropped than was read', async () => {
    const { subscribeAndLeave, kept, acknowledge } = await registered();
    await subscribeAndLeave();
    const read = await kept();
    await subscribeAndLeave();
    await acknowledge(read);
    expect(await kept()).toBe('!1-0,4-0,7');
    await acknowledge(await kept());
    expect(await kept()).toBe('');
  });

  test('loses nothing of what was dropped since, and removes all once that is read as well', async () => {
    const { clientId, subscribeAndLeave, kept, acknowledge } = await registered();
    const generation = await connect(edge, clientId, 'e1');
    await subscribeAndLeave();
    await edge.release(clientId, 'e1', generation);
    await subscribeAndLeave();
    const read = await kept();
    await subscribeAndLeave();
    await acknowledge(read);
    expect(closedRanges(await kept()).at(-1)).toMatchObject({ end: '6-0', dropped: true });
    await acknowledge(await kept());
    expect(await kept()).toBe('');
  });

  test('is of one topic each, and of nothing else', async () => {
    const { clientId } = await registered();
    await connect(edge, clientId, 'e1');
    const topics = ['a', 'b', 'c'];
    await control.changeTopics(clientId, { add: new Map(topics.map((topic) => [topic, '1-0 7'])) });
    await control.changeTopics(clientId, { remove: topics, endsAt: new Map(topics.map((topic) => [topic, '2-0'])) });
    const state = await stateOf(control, clientId);
    const read = [...state.closed].filter(([topic]) => topic !== 'b');
    await edge.acknowledgeRanges(state, new Map(read));
    expect(await stateOf(control, clientId)).toEqual({ ...state, closed: new Map([['b', '1-0,2-0,7']]) });
  });

  test('for another registration of the same id, or for none, changes nothing', async () => {
    const { clientId, subscribeAndLeave, kept } = await registered();
    await connect(edge, clientId, 'e1');
    const range = await subscribeAndLeave();
    const before = await redis.dumpBuffer(keys.client(clientId));
    await edge.acknowledgeRanges({ clientId, incarnation: '1' }, new Map([['news', range]]));
    expect(await kept()).toBe(range);
    expect(await redis.dumpBuffer(keys.client(clientId))).toEqual(before);
    const client = await stateOf(control, clientId);
    await control.unregister(clientId);
    await edge.acknowledgeRanges(client, new Map([['news', range]]));
    expect(await redis.exists(keys.client(clientId))).toBe(0);
  });
});
