import { DEFAULT_HISTORY } from '@holdfast/protocol/limits';
import { POSITION_FORM } from '@holdfast/protocol/position-order';
import { describe, expect, test } from 'vitest';
import { subscriptionStart } from '../clients/state.ts';
import { controlBroker } from '../redis-broker.ts';
import { dyingAfter, openBroker, watched } from '../testing/brokers.ts';
import { incarnationOf, isCurrent, startNow } from './state.ts';

const { redis, prefix, keys, control } = await openBroker();
const HOUR_MS = 3_600_000;
let count = 0;
const someTopic = () => `topic.${(count += 1)}`;
const publish = (topic: string, text: string) => control.publish(topic, Buffer.from(text));

async function names(): Promise<string[]> {
  return (await control.listTopics(null, 10_000)).items.map(({ topic }) => topic);
}

async function startOf(topic: string): Promise<string> {
  const state = await stateOf(topic);
  if (state === null) throw new Error(`topic ${topic} does not exist`);
  return startNow(state);
}

async function stateOf(topic: string) {
  const [state] = await control.readTopics([topic]);
  return state ?? null;
}

/** A topic that neither expires nor has presence. */
const plain = { expireSeconds: null, presence: null, dormant: false };

describe('putting a topic', () => {
  test('creates it with the settings given, or those of the house', async () => {
    const [topic, other] = [someTopic(), someTopic()];
    const created = await control.putTopic(topic, {});
    expect(created).toEqual({
      created: true,
      state: {
        history: DEFAULT_HISTORY,
        start: created.state.start,
        incarnation: incarnationOf(created.state.start),
        last: created.state.start,
        ...plain,
      },
    });
    expect(created.state.start).toMatch(/^\d{13}-[1-9]\d{0,9}$/);
    expect(created.state.start).toMatch(POSITION_FORM);
    expect(await stateOf(topic)).toEqual(created.state);
    expect((await control.putTopic(other, { size: 0, seconds: 7 })).state.history).toEqual({ size: 0, seconds: 7 });
  });

  test('that is there changes what is given, and nothing else', async () => {
    const topic = someTopic();
    const { state } = await control.putTopic(topic, { size: 10, seconds: 20 });
    const published = await publish(topic, '1');
    const last = published.kind === 'published' ? published.id : '';
    const now = (size: number, seconds: number) => ({
      created: false,
      state: { start: state.start, incarnation: state.incarnation, last, history: { size, seconds }, ...plain },
    });
    expect(await control.putTopic(topic, {})).toEqual(now(10, 20));
    expect(await control.putTopic(topic, { size: 5 })).toEqual(now(5, 20));
    expect(await control.putTopic(topic, { seconds: 9 })).toEqual(now(5, 9));
    expect((await control.readLog(topic, null, 10))?.entries).toHaveLength(1);
  });

  test('by many at once creates it once', async () => {
    const topic = someTopic();
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => control.putTopic(topic, {})));
    expect(outcomes.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(outcomes.map(({ state }) => state.start)).size).toBe(1);
  });

  test('does not continue a log that outlived its topic', async () => {
    const topic = someTopic();
    await control.putTopic(topic, {});
    await publish(topic, '"old"');
    await redis.del(keys.topic(topic));
    await control.putTopic(topic, {});
    expect((await control.readLog(topic, null, 10))?.entries).toEqual([]);
  });
});

describe('deleting a topic', () => {
  test('removes it and its log', async () => {
    const topic = someTopic();
    await control.putTopic(topic, {});
    await publish(topic, '1');
    expect(await control.deleteTopic(topic)).toBe(true);
    expect(await stateOf(topic)).toBeNull();
    expect(await redis.exists(keys.topicLog(topic))).toBe(0);
    expect(await control.readLog(topic, null, 10)).toBeNull();
    expect(await publish(topic, '1')).toEqual({ kind: 'not-found' });
    expect(await names()).not.toContain(topic);
  });

  test('returns whether there was one, and of many at once exactly one did it', async () => {
    const topic = someTopic();
    expect(await control.deleteTopic(topic)).toBe(false);
    await control.putTopic(topic, {});
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => control.deleteTopic(topic)));
    expect(outcomes.filter(Boolean)).toHaveLength(1);
  });

  test('ends subscriptions to it: they are not to a later topic of its name', async () => {
    const topic = someTopic();
    const { state } = await control.putTopic(topic, {});
    await publish(topic, '1');
    const starts = [subscriptionStart(state.start, state.incarnation), await startOf(topic)];
    for (const start of starts) expect(isCurrent(await stateOf(topic), start)).toBe(true);
    await control.deleteTopic(topic);
    for (const start of starts) expect(isCurrent(await stateOf(topic), start)).toBe(false);
    await control.putTopic(topic, {});
    for (const start of starts) expect(isCurrent(await stateOf(topic), start)).toBe(false);
    expect(isCurrent(await stateOf(topic), await startOf(topic))).toBe(true);
  });

  test('makes the next topic of its name another one, also with the clock of Redis behind, and within a millisecond', async () => {
    for (const jump of [-HOUR_MS, 0, HOUR_MS]) {
      const topic = someTopic();
      const { state } = await control.putTopic(topic, {});
      // What a Redis with another clock would have written.
      const start = `${Date.now() + jump}-${state.incarnation}`;
      await redis.hset(keys.topic(topic), { born: start, last: start });
      const before = await startOf(topic);
      expect(isCurrent(await stateOf(topic), before)).toBe(true);
      const [, again] = await Promise.all([control.deleteTopic(topic), control.putTopic(topic, {})]);
      expect(again.created).toBe(true);
      expect(again.state.incarnation).not.toBe(state.incarnation);
      expect(isCurrent(await stateOf(topic), before)).toBe(false);
    }
  });

  test('gives 200 topics of one name 200 incarnations', async () => {
    const topic = someTopic();
    const incarnations = new Set<string>();
    for (let round = 0; round < 200; round += 1) {
      incarnations.add((await control.putTopic(topic, {})).state.incarnation);
      await control.deleteTopic(topic);
    }
    expect(incarnations.size).toBe(200);
  });

  test('racing its creation leaves the list as it is true, 300 times', async () => {
    const topic = someTopic();
    for (let round = 0; round < 300; round += 1) {
      await Promise.all([control.putTopic(topic, {}), control.deleteTopic(topic), control.putTopic(topic, {})]);
      expect((await names()).includes(topic)).toBe((await stateOf(topic)) !== null);
      await control.deleteTopic(topic);
    }
  });

  test('overtaken by a creation leaves it listed', async () => {
    const topic = someTopic();
    await control.putTopic(topic, {});
    const late = watched(redis, async (command) => {
      if (command === 'zrem') await control.putTopic(topic, {});
    });
    expect(await controlBroker(late, prefix).deleteTopic(topic)).toBe(true);
    expect(await stateOf(topic)).not.toBeNull();
    expect(await names()).toContain(topic);
  });

  test('meeting a creation that is half done leaves the topic listed', async () => {
    const topic = someTopic();
    const late = watched(redis, async (command, commands) => {
      if (command === 'evalsha' && commands === 2) await control.deleteTopic(topic);
    });
    expect(await controlBroker(late, prefix).putTopic(topic, {})).toMatchObject({ created: true });
    expect(await names()).toContain(topic);
  });
});

describe('listing topics', () => {
  test('gives each of them once with its state, in the order of names, whatever the size of a page', async () => {
    const own = await openBroker();
    const all = ['a', 'a-b', 'a.b', 'a.b.c', 'A', 'Z', '_', '0', '9'];
    for (const topic of all) await own.control.putTopic(topic, { size: topic.length });
    for (const limit of [1, 2, 8, 9, 10]) {
      const seen: { topic: string; size: number }[] = [];
      let cursor: string | null = null;
      do {
        const page = await own.control.listTopics(cursor, limit);
        seen.push(...page.items.map(({ topic, state }) => ({ topic, size: state.history.size })));
        cursor = page.cursor;
      } while (cursor !== null);
      // Names are ASCII: JavaScript sorts them as Redis does.
      expect(seen).toEqual(all.toSorted().map((topic) => ({ topic, size: topic.length })));
    }
  });

  test('gives those of a prefix, each once and page by page, whether or not the prefix is a name itself', async () => {
    const own = await openBroker();
    const all = ['news', 'news-x', 'news.a', 'news.b', 'news.b.c', 'newsletter', 'new', 'nex', 'NEWS.a', '0'];
    for (const topic of all) await own.control.putTopic(topic, {});
    const namesOf = async (prefix: string, limit: number): Promise<string[]> => {
      const names: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await own.control.listTopics(cursor, limit, prefix);
        names.push(...page.items.map(({ topic }) => topic));
        cursor = page.cursor;
      } while (cursor !== null);
      return names;
    };
    for (const prefix of ['news', 'news.', 'n', 'news.b.c', 'z', '']) {
      const expected = all.filter((topic) => topic.startsWith(prefix)).toSorted();
      for (const limit of [1, 2, 10]) expect(await namesOf(prefix, limit), `of "${prefix}"`).toEqual(expected);
    }
    // A cursor before the prefix does not widen it.
    const { items } = await own.control.listTopics('0', 10, 'news.');
    expect(items.map(({ topic }) => topic)).toEqual(['news.a', 'news.b', 'news.b.c']);
  });

  test('passes over a name without a topic, which a process leaves that dies while it creates one', async () => {
    const topic = someTopic();
    await expect(controlBroker(dyingAfter(redis, 1), prefix).putTopic(topic, {})).rejects.toThrow('gone');
    expect(await redis.zscore(keys.topics(), topic)).not.toBeNull();
    expect(await names()).not.toContain(topic);
    expect(await control.deleteTopic(topic)).toBe(false);
    expect(await redis.zscore(keys.topics(), topic)).toBeNull();
  });
});

test('reading many topics gives them in the order asked, null for each that does not exist', async () => {
  const [one, two] = [someTopic(), someTopic()];
  await control.putTopic(one, { size: 1 });
  await control.putTopic(two, { size: 2 });
  const found = await control.readTopics([two, 'nowhere', one]);
  expect(found.map((state) => state?.history.size ?? null)).toEqual([2, null, 1]);
});
