import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { timeOf } from '@holdfast/broker/stored-event';
import { eventually } from '@holdfast/testkit/eventually';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { type TakenEvent, answers, startReceiver, takes } from '../testing/webhook-receiver.ts';
import { endpointOf, openEvents, startTestWebhooks } from '../testing/webhooks.ts';

/** The numbers that events of a topic have, in the order in which they were taken. */
const numbersOf = (taken: readonly TakenEvent[], topic: string): unknown[] =>
  taken.filter(({ data }) => data['topic'] === topic).map(({ data }) => data['n']);

const typesOf = ({ taken }: { taken: readonly TakenEvent[] }): string[] =>
  taken.map(({ type, data }) => `${type} ${JSON.stringify(data['topic'] ?? null)}`).toSorted();

const isBad = (body: string): boolean => body.includes('"topic":"bad"');

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('an event', () => {
  test('arrives signed, as the library of Standard Webhooks verifies it, with the time when it happened', async () => {
    const events = await openEvents();
    const receiver = await startReceiver();
    await startTestWebhooks(events, [endpointOf(receiver, 'backend')]);
    const position = await events.ofTopic('news', 'topic.occupied');
    await eventually(() => expect(receiver.received).toHaveLength(1));
    const [{ headers, body, id } = { headers: {}, body: '', id: '' }] = receiver.received;
    const verified = new Webhook(receiver.secret).verify(body, headers as Record<string, string>);
    const [ms] = position.split('-');
    expect(verified).toEqual({
      type: 'topic.occupied',
      timestamp: new Date(Number(ms)).toISOString(),
      data: { topic: 'news' },
    });
    expect(id).toMatch(new RegExp(`^\\d+-${position}-[0-9a-f]{8}$`));
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'content-length': String(body.length) });
    expect(() => new Webhook(receiver.secret).verify(`${body} `, headers as Record<string, string>)).toThrow(
      'signature',
    );
  });

  test('names a client by its ref, and never by its UUID', async () => {
    const events = await openEvents();
    const receiver = await startReceiver();
    await startTestWebhooks(events, [endpointOf(receiver, 'backend', { types: ['client.*'] })]);
    const clientId = randomUUID();
    await events.ofClient(clientId, 'client.registered', { name: 'ann', user: null, key: 'mobile' });
    await eventually(() => expect(receiver.taken).toHaveLength(1));
    const [ref] = await events.control.refsOf([clientId]);
    expect(receiver.taken[0]?.data).toEqual({ ref, name: 'ann', user: null, key: 'mobile' });
    expect(JSON.stringify(receiver.received)).not.toContain(clientId);
  });

  test('has what was published byte for byte', async () => {
    const events = await openEvents();
    const receiver = await startReceiver();
    await startTestWebhooks(events, [endpointOf(receiver, 'backend', { types: ['message.published'] })]);
    const data = '{"topic":"a","id":"1-0","data":{"b" : 1.0,"a":"\\u00e9 ü","n":12345678901234567890}}';
    await events.ofTopic('a', 'message.published', data);
    await eventually(() => expect(receiver.received).toHaveLength(1));
    expect(receiver.received[0]?.body).toContain(`"data":${data}}`);
  });
});

describe('an endpoint', () => {
  test('gets the types and topics that it names, and what tells of no topic', async () => {
    const events = await openEvents();
    const [rooms, members, all, messages] = await Promise.all([
      startReceiver(),
      startReceiver(),
      startReceiver(),
      startReceiver(),
    ]);
    await startTestWebhooks(events, [
      endpointOf(rooms, 'rooms', { types: ['*'], topics: ['room.**'] }),
      endpointOf(members, 'members', { types: ['member.*'] }),
      endpointOf(all, 'all'),
      endpointOf(messages, 'messages', { types: ['message.published', 'client.connected'], topics: ['room.*'] }),
    ]);
    await events.ofTopic('room.a', 'topic.occupied');
    await events.ofTopic('hall', 'topic.occupied');
    await events.ofTopic('room.a', 'member.joined');
    await events.ofTopic('room.a', 'message.published');
    await events.ofTopic('room.a', 'topic.of-a-later-version');
    await events.ofClient(randomUUID(), 'client.connected');
    await eventually(() => {
      expect(typesOf(rooms)).toEqual(['client.connected null', 'member.joined "room.a"', 'topic.occupied "room.a"']);
      expect(typesOf(members)).toEqual(['member.joined "room.a"']);
      expect(typesOf(all)).toEqual([
        'client.connected null',
        'member.joined "room.a"',
        'topic.occupied "hall"',
        'topic.occupied "room.a"',
      ]);
      expect(typesOf(messages)).toEqual(['client.connected null', 'message.published "room.a"']);
    });
  });

  test('begins at the present ends, and gets all that is written from then on', async () => {
    const events = await openEvents();
    await events.ofTopic('news', 'topic.occupied', { n: 'before' });
    await setTimeout(2);
    const receiver = await startReceiver();
    await startTestWebhooks(events, [endpointOf(receiver, 'backend')]);
    await events.ofTopic('news', 'topic.occupied', { n: 0 });
    await events.ofTopic('news', 'topic.vacated', { n: 1 });
    await eventually(() => expect(numbersOf(receiver.taken, 'news')).toEqual([0, 1]));
  });

  test('gets the events of a topic in their order, one after the other', async () => {
    const events = await openEvents();
    let underWay = 0;
    let most = 0;
    const receiver = await startReceiver((_, response) => {
      underWay += 1;
      most = Math.max(most, underWay);
      globalThis.setTimeout(() => {
        underWay -= 1;
        response.writeHead(200).end();
      }, Math.random() * 10);
    });
    await startTestWebhooks(events, [endpointOf(receiver, 'backend')]);
    const topics = upTo(20).map((number) => `topic-${number}`);
    for (const n of upTo(20)) await Promise.all(topics.map((topic) => events.ofTopic(topic, 'topic.occupied', { n })));
    await eventually(() => expect(receiver.received).toHaveLength(400));
    const arrived = receiver.received.map(({ body }) => (JSON.parse(body) as TakenEvent).data);
    for (const topic of topics) {
      expect(arrived.filter((data) => data['topic'] === topic).map((data) => data['n'])).toEqual(upTo(20));
    }
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(8);
  });

  test('with batches gets several events in one request, each with its id, in order', async () => {
    const events = await openEvents();
    const receiver = await startReceiver();
    await startTestWebhooks(events, [endpointOf(receiver, 'backend', { batch: { size: 10, ms: 60_000 } })]);
    for (const n of upTo(30)) await events.ofTopic(`topic-${n % 3}`, 'topic.occupied', { n });
    await eventually(() => expect(receiver.taken).toHaveLength(30));
    expect(receiver.received).toHaveLength(3);
    for (const { headers, body } of receiver.received) {
      const batch = new Webhook(receiver.secret).verify(body, headers as Record<string, string>) as {
        type: string;
        timestamp: string;
        data: { events: TakenEvent[] };
      };
      expect(batch.type).toBe('batch');
      expect(batch.data.events).toHaveLength(10);
      expect(batch.timestamp).toBe(
        batch.data.events
          .map(({ timestamp }) => timestamp)
          .toSorted()
          .at(-1),
      );
    }
    for (const rest of [0, 1, 2]) {
      expect(numbersOf(receiver.taken, `topic-${rest}`)).toEqual(upTo(30).filter((n) => n % 3 === rest));
    }
    expect(new Set(receiver.taken.map(({ id }) => id)).size).toBe(30);
    await eventually(async () => expect(await events.broker.readDeliveries('backend')).toEqual(new Map()));
  });

  test('that hangs holds no other back', async () => {
    const events = await openEvents();
    const [good, hangs] = [await startReceiver(), await startReceiver(() => undefined)];
    await startTestWebhooks(events, [endpointOf(hangs, 'hangs'), endpointOf(good, 'good')], { timeoutMs: 60_000 });
    for (const n of upTo(100)) await events.ofTopic(`topic-${n % 10}`, 'topic.occupied', { n });
    await eventually(() => expect(good.taken).toHaveLength(100));
    // All that the other has got by then is what it does not answer.
    expect(hangs.received.length).toBeLessThanOrEqual(8);
    expect(hangs.taken).toEqual([]);
  });

  test('that refuses the events of one topic gets those of the others', async () => {
    const events = await openEvents();
    const receiver = await startReceiver(({ body }, response) => {
      const { data } = JSON.parse(body) as TakenEvent;
      response.writeHead(data['topic'] === 'bad' ? 500 : 200).end();
    });
    await startTestWebhooks(events, [endpointOf(receiver, 'backend')]);
    for (const n of upTo(3)) await events.ofTopic('bad', 'topic.occupied', { n });
    for (const n of upTo(50)) await events.ofTopic('good', 'topic.occupied', { n });
    await eventually(() => expect(numbersOf(receiver.taken, 'good')).toEqual(upTo(50)));
    receiver.answer(takes);
    await eventually(() => expect(numbersOf(receiver.taken, 'bad')).toEqual(upTo(3)));
  });
});

test('with batches what is refused for one event holds up what is in its partition, and no more', async () => {
  const events = await openEvents();
  const receiver = await startReceiver(({ body }, response) => {
    response.writeHead(isBad(body) ? 422 : 200).end();
  });
  await startTestWebhooks(events, [endpointOf(receiver, 'backend', { batch: { size: 20, ms: 200 } })]);
  const topics = upTo(5).map((number) => `good-${number}`);
  await events.ofTopic('bad', 'topic.occupied', { n: 0 });
  for (const n of upTo(4)) for (const topic of topics) await events.ofTopic(topic, 'topic.occupied', { n });
  await eventually(() => {
    for (const topic of topics) expect(numbersOf(receiver.taken, topic)).toEqual(upTo(4));
  });
  await eventually(() => {
    const alone = receiver.received.filter(({ body }) => isBad(body) && !body.includes('good-'));
    expect(alone.length).toBeGreaterThan(2);
    expect(new Set(alone.map(({ id }) => id)).size).toBe(1);
  });
  receiver.answer(takes);
  await eventually(() => expect(numbersOf(receiver.taken, 'bad')).toEqual([0]));
});

describe('a file that changes', () => {
  test('has what is wanted noted, for edges that run and for those that come', async () => {
    const events = await openEvents();
    const receiver = await startReceiver();
    const webhooks = await startTestWebhooks(events, [
      endpointOf(receiver, 'one', { types: ['topic.occupied'], topics: ['a.*'] }),
    ]);
    const wanted = async () => {
      const { off, ...others } = await events.redis.commands.hgetall(`${events.prefix}events:wanted`);
      const [value] = Object.values(others);
      if (value === undefined) return off === undefined ? {} : null;
      return (JSON.parse(value.slice(value.indexOf(' '))) as { wanted: unknown }).wanted;
    };
    await eventually(async () => expect(await wanted()).toEqual({ 'topic.occupied': ['a.*'] }));
    webhooks.change([
      endpointOf(receiver, 'one', { types: ['topic.occupied'], topics: ['a.*'] }),
      endpointOf(receiver, 'two', { types: ['topic.*', 'client.connected'], topics: ['b.*'] }),
      endpointOf(receiver, 'three', { types: ['topic.lost'] }),
    ]);
    await eventually(async () =>
      expect(await wanted()).toEqual({
        'topic.occupied': ['a.*', 'b.*'],
        'topic.vacated': ['b.*'],
        'topic.lost': null,
        'client.connected': ['b.*'],
      }),
    );
    webhooks.change([]);
    await eventually(async () => expect(await wanted()).toBeNull());
  });

  test('has every stream created while events are wanted, also one that Redis has lost', async () => {
    const events = await openEvents();
    const { commands } = events.redis;
    const receiver = await startReceiver();
    const streams = Array.from({ length: events.broker.count }, (_, n) => `${events.prefix}events:{${n}}`);
    const created = async () => (await Promise.all(streams.map((stream) => commands.exists(stream)))).filter(Boolean);
    const webhooks = await startTestWebhooks(events, []);
    await webhooks.list();
    expect(await created()).toEqual([]);
    webhooks.change([endpointOf(receiver, 'one')]);
    await eventually(async () => expect(await created()).toHaveLength(streams.length));
    await commands.del(streams[7] ?? '');
    await eventually(async () => expect(await created()).toHaveLength(streams.length));
    expect(receiver.taken).toEqual([]);
  });

  test('moves an endpoint to another receiver and to other events, and ends one that is gone', async () => {
    const events = await openEvents();
    const [before, after] = [await startReceiver(), await startReceiver()];
    const webhooks = await startTestWebhooks(events, [endpointOf(before, 'backend', { types: ['topic.occupied'] })]);
    await events.ofTopic('a', 'topic.occupied', { n: 0 });
    await eventually(() => expect(numbersOf(before.taken, 'a')).toEqual([0]));
    webhooks.change([endpointOf(after, 'backend', { types: ['topic.vacated'] })]);
    await events.ofTopic('a', 'topic.occupied', { n: 1 });
    await events.ofTopic('a', 'topic.vacated', { n: 2 });
    await eventually(() => expect(numbersOf(after.taken, 'a')).toEqual([2]));
    webhooks.change([]);
    await eventually(async () =>
      expect(await events.redis.commands.hget(`${events.prefix}webhook:{backend}`, 'token')).toBeNull(),
    );
    await events.ofTopic('a', 'topic.vacated', { n: 3 });
    webhooks.change([endpointOf(after, 'backend', { types: ['topic.vacated'] })]);
    await eventually(() => expect(numbersOf(after.taken, 'a')).toEqual([2, 3]));
    expect(numbersOf(before.taken, 'a')).toEqual([0]);
  });

  test('signs with each secret while one is replaced by another', async () => {
    const events = await openEvents();
    const receiver = await startReceiver();
    const next = `whsec_${randomBytes(24).toString('base64')}`;
    const secrets = [next, receiver.secret];
    await startTestWebhooks(events, [endpointOf(receiver, 'backend', { secret: undefined, secrets })]);
    await events.ofTopic('a', 'topic.occupied');
    await eventually(() => expect(receiver.received).toHaveLength(1));
    const { headers = {}, body = '' } = receiver.received[0] ?? {};
    for (const secret of secrets) new Webhook(secret).verify(body, headers as Record<string, string>);
  });
});

describe('a replay', () => {
  test('sends all events from a time on again, under the same ids and in order, and then goes on', async () => {
    const events = await openEvents();
    const receiver = await startReceiver();
    const webhooks = await startTestWebhooks(events, [endpointOf(receiver, 'backend')]);
    for (const n of upTo(5)) await events.ofTopic('a', 'topic.occupied', { n });
    await setTimeout(2);
    const since = timeOf(await events.ofTopic('a', 'topic.occupied', { n: 5 }));
    for (const n of [6, 7]) await events.ofTopic('a', 'topic.occupied', { n });
    await eventually(() => expect(numbersOf(receiver.taken, 'a')).toEqual(upTo(8)));
    expect(await webhooks.replay('backend', since)).toBe(true);
    await eventually(() => expect(numbersOf(receiver.taken, 'a')).toEqual([...upTo(8), 5, 6, 7]));
    expect(receiver.taken.slice(8).map(({ id }) => id)).toEqual(receiver.taken.slice(5, 8).map(({ id }) => id));
    // Another one at once has its turn later, after what is new.
    await webhooks.replay('backend', since);
    await events.ofTopic('a', 'topic.occupied', { n: 8 });
    await eventually(() => expect(numbersOf(receiver.taken, 'a').at(-1)).toBe(8));
    expect((await events.broker.readWebhook('backend')).replay).not.toBeNull();
    expect(receiver.taken).toHaveLength(12);
    expect(await webhooks.replay('nowhere', since)).toBe(false);
  });

  test('asked of another control-api is done by the one that delivers, also of what waits for another try', async () => {
    const events = await openEvents();
    const receiver = await startReceiver();
    const endpoint = endpointOf(receiver, 'backend');
    await startTestWebhooks(events, [endpoint], { retries: { firstMs: 3_600_000, longestMs: 3_600_000 } });
    const other = await startTestWebhooks(events, [endpoint]);
    const since = timeOf(await events.ofTopic('a', 'topic.occupied', { n: 0 }));
    await eventually(() => expect(receiver.taken).toHaveLength(1));
    receiver.answer(answers(500));
    await events.ofTopic('a', 'topic.occupied', { n: 1 });
    await eventually(() => expect(receiver.received).toHaveLength(2));
    receiver.answer(takes);
    await other.replay('backend', since);
    await eventually(() => expect(numbersOf(receiver.taken, 'a')).toEqual([0, 0, 1]));
    await eventually(async () => expect((await events.broker.readWebhook('backend')).replay).toBeNull());
  });
});

test('a call to try an endpoint gives what it answered, and is signed', async () => {
  const events = await openEvents();
  const receiver = await startReceiver(answers(418));
  const webhooks = await startTestWebhooks(events, [endpointOf(receiver, 'backend')]);
  expect(await webhooks.test('backend')).toMatchObject({ outcome: 'refused', status: 418, body: 'answer 418' });
  receiver.answer(takes);
  expect(await webhooks.test('backend')).toMatchObject({ outcome: 'delivered', status: 204 });
  const { headers = {}, body = '' } = receiver.received[1] ?? {};
  expect(new Webhook(receiver.secret).verify(body, headers as Record<string, string>)).toMatchObject({
    type: 'webhook.test',
    data: { endpoint: 'backend' },
  });
  await receiver.stop();
  expect(await webhooks.test('backend')).toMatchObject({ outcome: 'unreachable', status: null });
  expect(await webhooks.test('nowhere')).toBeNull();
});
