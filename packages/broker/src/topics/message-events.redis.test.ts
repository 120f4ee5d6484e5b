import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NO_IDENTITY } from '../clients/identity.ts';
import { controlBroker } from '../redis-broker.ts';
import { openBroker, recordingScripts, someone } from '../testing/brokers.ts';
import { testEvents } from '../testing/events.ts';

const its = await openBroker();
const { control } = its;
const events = testEvents(its.redis, its);

beforeEach(() => events.want({ 'message.published': null }));
afterEach(() => events.end());

async function someTopic(name: string = randomUUID()): Promise<string> {
  await control.putTopic(name, {});
  return name;
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const idOf = (outcome: { kind: string; id?: string } | undefined) => outcome?.id ?? outcome?.kind;

test('a message is an event with its id and data, in the order of the topic', async () => {
  const topic = await someTopic();
  const first = await control.publish(topic, Buffer.from('{"a": "\\u017e/ž", "b":[1.50]}'));
  const others = await control.publishAll(topic, [{ data: json(2) }, { data: json(3) }]);
  const written = await events.ofTopic(topic);
  expect(written).toMatchObject([
    { type: 'message.published', data: { topic, id: idOf(first), data: { a: 'ž/ž', b: [1.5] } } },
    { data: { topic, id: idOf(others[0]), data: 2 } },
    { data: { topic, id: idOf(others[1]), data: 3 } },
  ]);
  const { stream } = events.partitions.partitionOf(its.keys.topic(topic));
  const texts = (await its.redis.xrange(stream, '-', '+')).map(([, fields]) => fields.at(-1));
  expect(texts).toContain(`{"topic":"${topic}","id":"${idOf(first)}","data":{"a": "\\u017e/ž", "b":[1.50]}}`);
});

test('one that is repeated or refused is none, others of the call are', async () => {
  const topic = await someTopic();
  const once = { data: json(1), idempotencyKey: 'k', caller: 'c' };
  const [first] = await control.publishAll(topic, [once]);
  const outcomes = await control.publishAll(topic, [once, { ...once, data: json(2) }, { data: json(3) }]);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['repeated', 'conflict', 'published']);
  await control.publish(randomUUID(), json(4));
  const ids = [idOf(first), idOf(outcomes[2])];
  expect((await events.ofTopic(topic)).map(({ data }) => data['id'])).toEqual(ids);
});

test('what is published to a user is one of its topic', async () => {
  const user = `ann/${randomUUID()}`;
  await control.register(someone({ identity: { ...NO_IDENTITY, user } }), null);
  const outcome = await control.publishToUser(user, { data: json('hi') });
  const written = await events.ofTopic(`@user:${encodeURIComponent(user)}`);
  const data = { topic: '@user', user, id: idOf(outcome), data: 'hi' };
  expect(written).toMatchObject([{ type: 'message.published', data }]);
});

test('what is published to one client names it, with and without an idempotency key', async () => {
  const client = someone();
  const { clientId } = client;
  await control.register(client, null);
  const plain = await control.publishToClient(clientId, json(1));
  const once = await control.publishToClient(clientId, json(2), 'k', 'c');
  expect(await control.publishToClient(clientId, json(2), 'k', 'c')).toMatchObject({ kind: 'repeated' });
  expect(await events.ofClient(clientId)).toMatchObject([
    { type: 'message.published', clientId, data: { topic: '@me', id: idOf(plain), data: 1 } },
    { type: 'message.published', clientId, data: { topic: '@me', id: idOf(once), data: 2 } },
  ]);
});

test('only messages of topics that fit are events, those of users and clients by their own names', async () => {
  const [room, other] = [`room.${randomUUID()}`, `other.${randomUUID()}`];
  for (const topic of [room, other]) await someTopic(topic);
  const user = randomUUID();
  const client = someone({ identity: { ...NO_IDENTITY, user } });
  await control.register(client, null);
  const publishAll = async () => {
    for (const topic of [room, other]) await control.publish(topic, json(1));
    await control.publishToUser(user, { data: json(1) });
    await control.publishToClient(client.clientId, json(1));
  };
  const counts = async () => [
    (await events.ofTopic(room)).length,
    (await events.ofTopic(other)).length,
    (await events.ofTopic(`@user:${user}`)).length,
    (await events.ofClient(client.clientId)).length,
  ];
  await events.want({ 'message.published': ['room.*'] });
  await publishAll();
  expect(await counts()).toEqual([1, 0, 0, 0]);
  await events.want({ 'message.published': ['@user', '@me'] });
  await publishAll();
  expect(await counts()).toEqual([1, 0, 1, 1]);
  await events.want({ 'client.connected': null });
  await publishAll();
  await events.end();
  await publishAll();
  expect(await counts()).toEqual([1, 0, 1, 1]);
});

test('while none is wanted a publish is the same call as without events', async () => {
  const topic = await someTopic();
  await events.end();
  const { redis: recording, calls } = recordingScripts(its.redis);
  await controlBroker(recording, its.prefix).publish(topic, json('marker'));
  expect(calls).toHaveLength(1);
  expect(calls[0]?.slice(1)).toEqual([
    2,
    its.keys.topic(topic),
    its.keys.topicLog(topic),
    its.keys.topicLive(topic),
    expect.any(Number),
    expect.any(Number),
    '',
    json('marker'),
    0,
    '',
  ]);
});
