import { channelTopic } from '@holdfast/protocol/pusher-channels';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { APP, type TestApi, startTestApi } from '../testing/api.ts';
import { type TestEdge, startTestEdge } from '../testing/edge.ts';
import { signedCall } from '../testing/signed-calls.ts';

const EVENTS = '/apps/3/events';
const BATCH = '/apps/3/batch_events';
const CHANNELS = ['orders', 'orders-2', 'cache-orders', 'presence-room', 'private-encrypted-a', 'other'];
const topicOf = (channel: string) => channelTopic(APP.appId, channel);

let api: TestApi;
let edge: TestEdge;
beforeAll(async () => {
  api = await startTestApi();
  edge = await startTestEdge(api, { topics: CHANNELS.map(topicOf) });
});
afterAll(async () => {
  edge.stop();
  await api.stop();
});

afterEach(() => vi.restoreAllMocks());

const event = { name: 'placed', data: '{"id":1}' };
const publish = (body: unknown, path = EVENTS) => signedCall(api, 'POST', path, { body });
const wrong = (field: string) => ({
  errors: expect.arrayContaining([{ field, rule: expect.any(String) as string }]) as [],
});

/** What edges are sent by a call, by channel. */
async function sentBy(call: () => Promise<unknown>, count: number) {
  const before = edge.received.length;
  await call();
  const isMessage = ({ payload }: (typeof edge.received)[number]) => payload.kind === 'message';
  await eventually(() => expect(edge.received.slice(before).filter(isMessage)).toHaveLength(count));
  return edge.received
    .slice(before)
    .flatMap(({ topic, payload }) =>
      payload.kind === 'message' ? [{ topic, text: String(payload.data), except: payload.except ?? null }] : [],
    );
}

describe('an event', () => {
  test('is published to one channel as the frame that subscribers get, with the data as it is', async () => {
    const data = '{"text":"ä \\u2028 \\" 😀"}';
    const sent = await sentBy(() => publish({ name: 'App\\Events\\Placed', data, channel: 'orders' }), 1);
    const text = JSON.stringify({ event: 'App\\Events\\Placed', channel: 'orders', data });
    expect(sent).toEqual([{ topic: topicOf('orders'), text, except: null }]);
  });

  test('is published to several channels, once to each, and left out for a socket id', async () => {
    const channels = ['orders', 'orders-2', 'orders'];
    const sent = await sentBy(() => publish({ ...event, channels, socket_id: '12.34' }), 2);
    expect(sent.toSorted((a, b) => (a.topic < b.topic ? -1 : 1))).toEqual(
      ['orders', 'orders-2'].map((channel) => ({
        topic: topicOf(channel),
        text: `{"event":"placed","channel":"${channel}","data":"{\\"id\\":1}"}`,
        except: '12.34',
      })),
    );
  });

  test.each(['', 'hello', '0', 'null'])('may have the data %j', async (data) => {
    const sent = await sentBy(() => publish({ name: 'x', channel: 'orders', data }), 1);
    expect(sent).toMatchObject([{ text: JSON.stringify({ event: 'x', channel: 'orders', data }) }]);
  });

  test('is taken with null for what is not given, and with fields that are not known', async () => {
    const body = { ...event, channel: 'orders', channels: null, socket_id: null, info: null, tags: {} };
    expect(await publish(body)).toMatchObject({ status: 200, text: '{}' });
  });

  test('on a cache channel is kept, on another one not', async () => {
    await publish({ ...event, channels: ['cache-orders', 'orders'] });
    const [cached, other] = await api.broker.readChannels(['cache-orders', 'orders'].map(topicOf));
    expect(String(cached?.cached?.frame)).toBe('{"event":"placed","channel":"cache-orders","data":"{\\"id\\":1}"}');
    expect(other?.cached).toBeNull();
  });

  test('goes to the channel of a user, which no client can name as its own', async () => {
    const sent = await signedCall(api, 'POST', EVENTS, { body: { ...event, channels: ['#server-to-user-ann'] } });
    expect(sent).toMatchObject({ status: 200, text: '{}' });
    expect(await publish({ ...event, channel: '#online-ann' })).toBeProblem(400, 'invalid-request');
  });

  test('with info gives what there is of each channel', async () => {
    const presence = topicOf('presence-room');
    await edge.broker.openChannel(presence, { by: 'user', show: 'members', limit: 100, graceSeconds: 0 });
    const known = {
      sequence: 1,
      members: [
        { id: 'u-1', info: null },
        { id: 'u-2', info: null },
      ],
    };
    await edge.broker.setPresence(presence, edge.id, known);
    const channels = ['presence-room', 'orders', 'no-one'];
    const answer = await publish({ ...event, channels, info: 'user_count,subscription_count' });
    expect(answer.body).toEqual({
      channels: {
        'presence-room': { user_count: 2 },
        orders: { subscription_count: 1 },
        'no-one': { subscription_count: 0 },
      },
    });
  });

  test('whose info cannot be had is published, and answered without it: a repeat would publish it twice', async () => {
    const channels = ['presence-room', 'orders'];
    const away = new RedisUnavailable(new Error('it is away'));
    const info = 'user_count,subscription_count';
    for (const read of ['countPresent', 'surveySubscribers'] as const) {
      const failing = vi.spyOn(api.broker, read).mockRejectedValue(away);
      await sentBy(async () => {
        const answer = await publish({ ...event, channels, info });
        expect(answer).toMatchObject({ status: 200, body: { channels: { 'presence-room': {}, orders: {} } } });
        const batch = channels.map((channel) => ({ ...event, channel, info }));
        expect(await publish({ batch }, BATCH)).toMatchObject({ status: 200, body: { batch: [{}, {}] } });
      }, 4);
      expect(failing).toHaveBeenCalledTimes(2);
      failing.mockRestore();
    }
  });

  test('that is published to some of its channels is counted for these, and the 503 recommends nothing', async () => {
    const published = async () => {
      const { text } = await api.call('GET', '/metrics');
      return Number(/^holdfast_publishes_total\{.*outcome="published".* (\d+)$/m.exec(text)?.[1] ?? 0);
    };
    const real = api.broker.publishToChannel.bind(api.broker);
    vi.spyOn(api.broker, 'publishToChannel').mockImplementation((topic, frame) =>
      topic === topicOf('orders-2')
        ? Promise.reject(new RedisUnavailable(new Error('it is away')))
        : real(topic, frame),
    );
    const before = await published();
    const answer = await publish({ ...event, channels: ['orders-2', 'orders', 'other'] });
    expect(answer).toBeProblem(503, 'redis-unavailable');
    expect(answer.headers['retry-after']).toBe('1');
    expect(answer.body['detail']).toMatch(/some may have been published/);
    expect(answer.text).not.toContain('Idempotency-Key');
    expect(await published()).toBe(before + 2);
    const batch = ['orders', 'orders-2', 'orders-2', 'orders'].map((channel) => ({ ...event, channel }));
    expect(await publish({ batch }, BATCH)).toBeProblem(503, 'redis-unavailable');
    expect(await published()).toBe(before + 4);
  });

  test.each<[string, object, string]>([
    ['without a name', { name: undefined, channel: 'a' }, 'body.name'],
    ['with an empty name', { name: '', channel: 'a' }, 'body.name'],
    ['with a name of 201 characters', { name: 'n'.repeat(201), channel: 'a' }, 'body.name'],
    ['without data', { data: undefined, channel: 'a' }, 'body.data'],
    ['with an object as data', { data: { id: 1 }, channel: 'a' }, 'body.data'],
    ['with null as data', { data: null, channel: 'a' }, 'body.data'],
    ['without a channel', {}, 'body.channels'],
    ['with no channels', { channels: [] }, 'body.channels'],
    ['with channel and channels', { channel: 'a', channels: ['b'] }, 'body.channels'],
    ['with 101 channels', { channels: Array.from({ length: 101 }, (_, i) => `c-${i}`) }, 'body.channels'],
    ['with text as channels', { channels: 'a' }, 'body.channels'],
    ['with a channel that is no name', { channels: ['a', 'b c'] }, 'body.channels[1]'],
    ['with a channel of 201 characters', { channel: 'c'.repeat(201) }, 'body.channel'],
    ['with two channels, one of them encrypted', { channels: ['private-encrypted-a', 'b'] }, 'body.channels'],
    ['with a socket id of another form', { channel: 'a', socket_id: '12' }, 'body.socket_id'],
    ['with an unknown attribute', { channel: 'a', info: 'user_count,members' }, 'body.info'],
  ])('%s is refused with 400', async (_, changes, field) => {
    expect(await publish({ ...event, ...changes })).toBeProblem(400, 'invalid-request', wrong(field));
  });

  test('to one encrypted channel is published', async () => {
    expect((await publish({ ...event, channels: ['private-encrypted-a'] })).status).toBe(200);
  });

  test('is refused with 413 when its data are longer than the app may send, and taken when not', async () => {
    const app = { key: 'small-key', secret: 'small-secret' };
    const send = (data: string) =>
      signedCall(api, 'POST', '/apps/small/events', { app, body: { name: 'x', channel: 'a', data } });
    expect((await send('ä'.repeat(5))).status).toBe(200);
    expect(await send('ä'.repeat(6))).toBeProblem(413, 'payload-too-large', wrong('body.data'));
    const data = 'x'.repeat(10 * 1024);
    expect((await publish({ name: 'x', channel: 'orders', data })).status).toBe(200);
    expect(await publish({ name: 'x', channel: 'orders', data: `${data}x` })).toBeProblem(413, 'payload-too-large');
    expect(await publish({ ...event, channel: 'orders', data: 'x'.repeat(500_000) })).toBeProblem(
      413,
      'payload-too-large',
    );
  });
});

describe('a batch', () => {
  test('is published, in order on each channel', async () => {
    const batch = Array.from({ length: 10 }, (_, index) => ({
      name: `e-${index}`,
      data: String(index),
      channel: index % 2 === 0 ? 'orders' : 'other',
      ...(index === 4 ? { socket_id: '1.2' } : {}),
    }));
    const sent = await sentBy(async () => {
      expect(await publish({ batch }, BATCH)).toMatchObject({ status: 200, text: '{}' });
    }, 10);
    for (const channel of ['orders', 'other']) {
      const texts = sent.filter(({ topic }) => topic === topicOf(channel)).map(({ text }) => text);
      const expected = batch.filter((each) => each.channel === channel);
      expect(texts).toEqual(expected.map(({ name, data }) => JSON.stringify({ event: name, channel, data })));
    }
    expect(sent.filter(({ except }) => except !== null)).toMatchObject([{ except: '1.2' }]);
  });

  test('with info gives the answers by index', async () => {
    const batch = [
      { ...event, channel: 'orders', info: 'subscription_count' },
      { ...event, channel: 'other' },
      { ...event, channel: 'presence-room', info: 'user_count' },
    ];
    expect((await publish({ batch }, BATCH)).body).toEqual({
      batch: [{ subscription_count: 1 }, {}, { user_count: expect.any(Number) as number }],
    });
  });

  test.each<[string, unknown, string]>([
    ['with eleven events', { batch: Array.from({ length: 11 }, () => ({ ...event, channel: 'other' })) }, 'body.batch'],
    ['with none', { batch: [] }, 'body.batch'],
    ['without the list', { ...event, channel: 'other' }, 'body.batch'],
    ['with one event that has no channel', { batch: [{ ...event, channel: 'other' }, event] }, 'body.batch[1].channel'],
    [
      'with one event whose data is no text',
      {
        batch: [
          { ...event, channel: 'other' },
          { ...event, channel: 'other', data: {} },
        ],
      },
      'body.batch[1].data',
    ],
  ])('%s is refused, and nothing of it is published', async (_, body, field) => {
    const before = edge.received.length;
    expect(await publish(body, BATCH)).toBeProblem(400, 'invalid-request', wrong(field));
    await sentBy(() => publish({ name: 'after', data: '', channel: 'other' }), 1);
    expect(edge.received.length).toBe(before + 1);
  });

  test('with data that are too long in one event is refused with 413', async () => {
    const batch = [
      { ...event, channel: 'other' },
      { ...event, channel: 'other', data: 'x'.repeat(10 * 1024 + 1) },
    ];
    expect(await publish({ batch }, BATCH)).toBeProblem(413, 'payload-too-large', wrong('body.batch[1].data'));
  });
});

describe('a hostile body, signed', () => {
  const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`;
  test.each<[string, string | Buffer, number, 'malformed-json' | 'invalid-request' | 'payload-too-large']>([
    ['that is no JSON', '{"name":', 400, 'malformed-json'],
    ['that is not UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22]), 400, 'malformed-json'],
    ['that is empty', '', 400, 'invalid-request'],
    ['that is null', 'null', 400, 'invalid-request'],
    ['that is a list', '[]', 400, 'invalid-request'],
    ['with __proto__ in place of fields', '{"__proto__":{"name":"x","data":"","channel":"a"}}', 400, 'invalid-request'],
    ['that is deep', `{"name":"x","data":${deep.slice(0, 300_000)}`, 400, 'malformed-json'],
    ['that is huge', `"${'x'.repeat(2_000_000)}"`, 413, 'payload-too-large'],
  ])('%s is refused', async (_, raw, status, code) => {
    for (const path of [EVENTS, BATCH]) {
      expect(await signedCall(api, 'POST', path, { raw })).toBeProblem(status, code);
    }
  });

  test('that is deep where nothing is looked at is taken', async () => {
    const raw = `{"name":"x","data":"","channel":"other","more":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect((await signedCall(api, 'POST', EVENTS, { raw })).status).toBe(200);
  });
});

describe('while an edge does not answer', () => {
  const app = { key: 'small-key', secret: 'small-secret' };
  /** As many as one key may have under way at a time. */
  const TURNS = 64;
  const send = (info?: string) =>
    signedCall(api, 'POST', '/apps/small/events', { app, body: { name: 'x', data: '', channel: 'silent', info } });

  test('events with info hold up no others, and are answered without it, the next ones at once', async () => {
    const silent = await startTestEdge(api, { topics: [channelTopic('small', 'silent')] });
    silent.fallSilent();
    // Each survey ends after the call without info, however long the machine takes for that one.
    const answered = Promise.withResolvers<void>();
    const survey = api.broker.surveySubscribers.bind(api.broker);
    const surveys = vi.spyOn(api.broker, 'surveySubscribers').mockImplementation(async (topic) => {
      const number = await survey(topic);
      await answered.promise;
      return number;
    });
    const counted = Array.from({ length: TURNS }, () => send('subscription_count'));
    await eventually(() => expect(surveys).toHaveBeenCalled());
    expect(await send()).toMatchObject({ status: 200, text: '{}' });
    answered.resolve();
    for (const answer of await Promise.all(counted)) {
      expect(answer).toMatchObject({ status: 200, body: { channels: { silent: {} } } });
    }
    surveys.mockClear();
    expect(await send('subscription_count')).toMatchObject({ status: 200, body: { channels: { silent: {} } } });
    expect(surveys).not.toHaveBeenCalled();
    silent.stop();
  });
});
