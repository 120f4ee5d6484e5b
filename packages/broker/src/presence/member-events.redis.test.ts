import { beforeEach, describe, expect, test } from 'vitest';
import { openBroker } from '../testing/brokers.ts';
import { testEvents } from '../testing/events.ts';
import { member, presenceTopic } from '../testing/presence-topic.ts';

const its = await openBroker();
const { control } = its;
const events = testEvents(its.redis, its);

beforeEach(() => events.want({ 'member.joined': null, 'member.left': null }));

const briefly = async (topic: string) =>
  (await events.ofTopic(topic)).map(({ type, data }) => {
    const { id } = data['member'] as { id: string };
    return `${id} ${type.replace('member.', '')} ${String(data['count'])}`;
  });

describe('a member', () => {
  test('joins with the first edge that has it, and leaves with the last', async () => {
    const { topic, edge } = await presenceTopic(its);
    const [a, b] = [edge('a'), edge('b')];
    await a.join(member('ann', { age: 7, of: 'ü/ö' }));
    await b.join('ann', 'bob');
    await a.leave('ann');
    await b.leave('ann');
    const written = await events.ofTopic(topic);
    const versions = written.map(({ data }) => data['version'] as number);
    expect(written.map(({ type, data }) => [type, { ...data, version: 0 }])).toEqual([
      ['member.joined', { topic, member: { id: 'ann', info: { age: 7, of: 'ü/ö' } }, count: 1, version: 0 }],
      ['member.joined', { topic, member: { id: 'bob', info: null }, count: 2, version: 0 }],
      ['member.left', { topic, member: { id: 'ann', info: null }, count: 1, version: 0 }],
    ]);
    expect(versions).toEqual(versions.toSorted((one, other) => one - other));
    expect(Math.abs((versions[0] ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  test('that comes and goes between two versions has joined and left', async () => {
    const { topic, edge, justPublished, news } = await presenceTopic(its);
    const a = edge('a');
    await a.join('ann');
    await justPublished();
    await a.join('bob');
    await a.leave('bob');
    expect(await briefly(topic)).toEqual(['ann joined 1', 'bob joined 2', 'bob left 1']);
    expect(await news()).toHaveLength(1);
  });

  test('joins and leaves also past the limit, and where only the number is shown', async () => {
    const { topic, edge } = await presenceTopic(its, { limit: 2 });
    await edge('a').join('u1', 'u2', 'u3');
    expect(await briefly(topic)).toEqual(['u1 joined 1', 'u2 joined 2', 'u3 joined 3']);
    const hidden = await presenceTopic(its, { show: 'count' });
    const a = hidden.edge('a');
    await a.join('ann');
    await a.leave('ann');
    expect(await briefly(hidden.topic)).toEqual(['ann joined 1', 'ann left 0']);
  });

  test('with another info, or written again as it is, has neither left nor joined', async () => {
    const { topic, edge } = await presenceTopic(its);
    const a = edge('a');
    await a.join('ann');
    await a.join(member('ann', 'another'));
    await a.set();
    expect(await briefly(topic)).toEqual(['ann joined 1']);
  });

  test('leaves with its edge when that is gone', async () => {
    const { topic, edge } = await presenceTopic(its);
    await edge('dead').join('ann', 'bob');
    await edge('dead too').join('bob');
    await control.reapPresence();
    const written = await briefly(topic);
    expect(written.slice(0, 2)).toEqual(['ann joined 1', 'bob joined 2']);
    expect(
      written
        .slice(2)
        .map((one) => one.replace(/ \d$/, ''))
        .toSorted(),
    ).toEqual(['ann left', 'bob left']);
  });
});

test('a thousand members of one call are each an event, in order', async () => {
  const { topic, edge } = await presenceTopic(its);
  const ids = Array.from({ length: 1200 }, (_, index) => `u${index}`);
  await edge('a').join(...ids);
  expect(await briefly(topic)).toEqual(ids.map((id, index) => `${id} joined ${index + 1}`));
});

test('only what is wanted of a topic that fits is written', async () => {
  const fitting = await presenceTopic(its);
  const other = await presenceTopic(its);
  const live = async () => {
    for (const { edge } of [fitting, other]) {
      const a = edge('a');
      await a.join('ann');
      await a.leave('ann');
    }
  };
  await events.want({ 'member.left': [fitting.topic] });
  await live();
  await events.end();
  await live();
  expect(await briefly(fitting.topic)).toEqual(['ann left 0']);
  expect(await briefly(other.topic)).toEqual([]);
});
