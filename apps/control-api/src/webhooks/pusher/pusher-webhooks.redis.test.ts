import { eventually } from '@holdfast/testkit/eventually';
import Pusher from 'pusher';
import { describe, expect, test } from 'vitest';
import { channelEdge } from '../../testing/channels.ts';
import { type WebhookReceiver, answers, startReceiver, takes } from '../../testing/webhook-receiver.ts';
import {
  type TestWebhooksOptions,
  endpointOf,
  openEvents,
  pusherEndpointOf,
  startTestWebhooks,
} from '../../testing/webhooks.ts';

const APP = { appId: 'app', key: 'app-key', secret: 'app-secret' };

/** Of the keys file. */
const findApp = (appId: string) => (appId === APP.appId ? APP : null);

/** What the receiver's library makes of a request; rejects one that it does not take. */
function verified({ headers, body }: WebhookReceiver['received'][number], app = APP) {
  const webhook = new Pusher({ ...app, host: 'localhost' }).webhook({ headers, rawBody: body });
  if (!webhook.isValid()) throw new Error('the library does not take it');
  return webhook.getData();
}

const eventsOf = (receiver: WebhookReceiver) => receiver.received.flatMap((request) => verified(request).events);

async function start(fields: Parameters<typeof pusherEndpointOf>[2] = {}, options: TestWebhooksOptions = {}) {
  const events = await openEvents();
  const receiver = await startReceiver();
  const endpoint = pusherEndpointOf(receiver, 'channels', fields);
  const webhooks = await startTestWebhooks(events, [endpoint], { findApp, ...options });
  return { events, receiver, endpoint, webhooks, edge: await channelEdge(events) };
}

describe('the library of receivers takes', () => {
  test('each event as it is stored by the scripts', async () => {
    const { receiver, edge } = await start();
    const before = Date.now();
    await edge.occupy('private-a');
    await edge.count('private-a', 13);
    await edge.send('private-a', { event: 'client-typing', data: '{"a":1}', socket_id: '7.1' });
    await edge.vacate('private-a');
    await edge.join('presence-a', '10');
    await edge.send('presence-a', { event: 'client-typing', data: 'text', socket_id: '7.1', user_id: '10' });
    await edge.leave('presence-a', '10');
    await edge.miss('cache-a');
    await eventually(() => expect(receiver.received).toHaveLength(8));
    const arrived = eventsOf(receiver);
    expect(arrived.filter(({ channel }) => channel === 'private-a')).toEqual([
      { name: 'channel_occupied', channel: 'private-a' },
      { name: 'subscription_count', channel: 'private-a', subscription_count: 13 },
      { name: 'client_event', channel: 'private-a', event: 'client-typing', data: '{"a":1}', socket_id: '7.1' },
      { name: 'channel_vacated', channel: 'private-a' },
    ]);
    expect(arrived.filter(({ channel }) => channel === 'presence-a')).toEqual([
      { name: 'member_added', channel: 'presence-a', user_id: '10' },
      {
        name: 'client_event',
        channel: 'presence-a',
        event: 'client-typing',
        data: 'text',
        socket_id: '7.1',
        user_id: '10',
      },
      { name: 'member_removed', channel: 'presence-a', user_id: '10' },
    ]);
    expect(arrived.filter(({ channel }) => channel === 'cache-a')).toEqual([
      { name: 'cache_miss', channel: 'cache-a' },
    ]);
    for (const request of receiver.received) {
      expect(request.headers).toMatchObject({ 'content-type': 'application/json', 'x-pusher-key': 'app-key' });
      expect(Math.abs(verified(request).time_ms - before)).toBeLessThan(60_000);
    }
  });

  test('a request of several events, and not one that was changed on its way', async () => {
    const { receiver, edge } = await start({ batch: { size: 4, ms: 60_000 } });
    const channels = ['a', 'b', 'c', 'd'];
    for (const channel of channels) await edge.occupy(channel);
    await eventually(() =>
      expect(
        eventsOf(receiver)
          .map(({ channel }) => channel)
          .toSorted(),
      ).toEqual(channels),
    );
    expect(receiver.received).toHaveLength(1);
    const [request] = receiver.received;
    if (request === undefined) throw new Error('there is one');
    expect(() => verified({ ...request, body: `${request.body} ` })).toThrow('does not take');
  });

  test('a test, which has no events', async () => {
    const { receiver, webhooks } = await start();
    expect(await webhooks.test('channels')).toMatchObject({ outcome: 'delivered', status: 204 });
    expect(eventsOf(receiver)).toEqual([]);
    expect(receiver.received).toHaveLength(1);
  });
});

describe('an endpoint', () => {
  test('gets the types that it names, of its app and no other, and nothing of topics', async () => {
    const events = await openEvents();
    const [own, all, standard] = [await startReceiver(), await startReceiver(), await startReceiver()];
    const endpoints = [
      pusherEndpointOf(own, 'own', { types: ['channel_occupied'] }),
      pusherEndpointOf(all, 'all'),
      endpointOf(standard, 'standard', { types: ['topic.*', 'member.*'] }),
    ];
    await startTestWebhooks(events, endpoints, { findApp });
    const [edge, other] = [await channelEdge(events), await channelEdge(events, 'other', { isWanted: false })];
    await other.occupy('of-another');
    // As if another control-api wanted events of that app.
    await events.ofTopic('!other!of-another', 'topic.occupied');
    await edge.occupy('a');
    await edge.miss('cache-a');
    await edge.occupy('#server-to-user-ann');
    await events.ofTopic('news', 'topic.occupied');
    await eventually(() => {
      expect(eventsOf(own)).toEqual([{ name: 'channel_occupied', channel: 'a' }]);
      expect(eventsOf(all).toSorted((one, two) => (one.name < two.name ? -1 : 1))).toEqual([
        { name: 'cache_miss', channel: 'cache-a' },
        { name: 'channel_occupied', channel: 'a' },
      ]);
      expect(standard.taken.map(({ data }) => data['topic'])).toEqual(['news']);
    });
    await eventually(async () => {
      for (const { id } of endpoints) expect((await events.broker.readWebhook(id)).oldest).toBeNull();
    });
    expect([own, all, standard].map(({ received }) => received.length)).toEqual([1, 2, 1]);
  });

  test('that refuses is sent the same bytes under the same id until it takes them', async () => {
    const { receiver, edge } = await start();
    receiver.answer(answers(500));
    await edge.occupy('a');
    await edge.vacate('a');
    await eventually(() => expect(receiver.received.length).toBeGreaterThan(2));
    receiver.answer(takes);
    await eventually(() => expect(eventsOf(receiver).at(-1)?.name).toBe('channel_vacated'));
    const refused = receiver.received.slice(0, -1);
    expect(new Set(refused.map(({ body }) => body)).size).toBe(1);
    expect(new Set(refused.map(({ id }) => id)).size).toBe(1);
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(2);
  });

  test('is signed with the secret that the app has when it is tried', async () => {
    let secret = 'before';
    const { receiver, edge } = await start({}, { findApp: () => ({ ...APP, secret }) });
    receiver.answer(answers(500));
    await edge.occupy('a');
    await eventually(() => expect(receiver.received.length).toBeGreaterThan(0));
    const [first] = receiver.received;
    secret = 'after';
    receiver.answer(takes);
    await eventually(() => expect(verified(receiver.received.at(-1) ?? noRequest(), { ...APP, secret })).toBeDefined());
    expect(verified(first ?? noRequest(), { ...APP, secret: 'before' }).events).toHaveLength(1);
    expect(() => verified(first ?? noRequest(), { ...APP, secret })).toThrow('does not take');
  });

  test('is signed with the secret of the app alone, while the one before is still taken from others', async () => {
    const app = { ...APP, secret: 'after', previousSecret: 'before' };
    const { receiver, edge } = await start({}, { findApp: () => app });
    await edge.occupy('a');
    await eventually(() => expect(receiver.received).toHaveLength(1));
    const [request = noRequest()] = receiver.received;
    expect(verified(request, { ...APP, secret: 'after' }).events).toHaveLength(1);
    expect(() => verified(request, { ...APP, secret: 'before' })).toThrow('does not take');
  });

  test('without its app waits, says so, and gets all of it when the keys file has the app', async () => {
    let isThere = false;
    let asked = 0;
    const find = () => {
      asked += 1;
      return isThere ? APP : null;
    };
    const { events, receiver, edge, webhooks } = await start({}, { findApp: find });
    await edge.occupy('a');
    const warnings = () => webhooks.log.linesWith('no API key has the app of the endpoint: its webhooks wait');
    await eventually(() => expect(warnings()).toMatchObject([{ endpoint: 'channels', app: 'app' }]));
    await eventually(async () => expect((await webhooks.list())[0]?.lagSeconds).toBeGreaterThan(0));
    const [summary] = await webhooks.list();
    expect(summary).toMatchObject({ format: 'pusher', app: 'app', state: 'waiting', lastError: null });
    // Once a second, beside what others ask for.
    expect(asked).toBeLessThan(500);
    expect(await webhooks.test('channels')).toMatchObject({ outcome: 'unknown-app', status: null });
    await eventually(async () => expect((await events.broker.readWebhook('channels')).failing).toBe(0));
    expect(receiver.received).toEqual([]);
    isThere = true;
    await eventually(() => expect(eventsOf(receiver)).toEqual([{ name: 'channel_occupied', channel: 'a' }]));
    expect((await webhooks.list())[0]).toMatchObject({ state: 'active', dropped: 0 });
  });

  test('whose app stays away for as long as tries go on is disabled, and has what it is sent again when it is enabled', async () => {
    let isThere = false;
    const find = () => (isThere ? APP : null);
    const { events, receiver, edge, webhooks } = await start({}, { findApp: find, retries: { giveUpMs: 4_000 } });
    await edge.occupy('a');
    await eventually(async () => expect((await webhooks.list())[0]?.state).toBe('waiting'));
    const disabled = { state: 'disabled', disabledReason: 'unknown-app' };
    await eventually(async () => expect((await webhooks.list())[0]).toMatchObject(disabled));
    const logged = { level: 'error', endpoint: 'channels', reason: 'unknown-app' };
    expect(webhooks.log.linesWith('the endpoint of webhooks is disabled')).toMatchObject([logged]);
    // It waits anew, and not where it stopped.
    await webhooks.enable('channels');
    expect((await webhooks.list())[0]?.state).toBe('waiting');
    isThere = true;
    await eventually(() => expect(eventsOf(receiver)).toEqual([{ name: 'channel_occupied', channel: 'a' }]));
    await eventually(async () => expect((await events.broker.readWebhook('channels')).waitingSince).toBeNull());
  });

  test('whose app has been missing at another control-api goes on waiting from then on', async () => {
    const events = await openEvents();
    const receiver = await startReceiver();
    const endpoint = pusherEndpointOf(receiver, 'channels');
    const first = await startTestWebhooks(events, [endpoint]);
    const since = async () => (await events.broker.readWebhook('channels')).waitingSince;
    await eventually(async () => expect(await since()).not.toBeNull());
    const began = await since();
    await first.stop();
    const second = await startTestWebhooks(events, [endpoint]);
    const MISSING = 'no API key has the app of the endpoint: its webhooks wait';
    await eventually(() => expect(second.log.linesWith(MISSING)).toHaveLength(1));
    expect(await since()).toBe(began);
  });

  test('gets events again after a replay, under their ids', async () => {
    const { receiver, edge, webhooks } = await start();
    const since = Date.now() - 60_000;
    await edge.occupy('a');
    await eventually(() => expect(receiver.received).toHaveLength(1));
    await webhooks.replay('channels', since);
    await eventually(() => expect(receiver.received).toHaveLength(2));
    const [one, other] = receiver.received;
    expect([other?.id, other?.body]).toEqual([one?.id, one?.body]);
  });

  test('that becomes one of another app is never sent what waits for it of the former', async () => {
    const { receiver, edge, endpoint, webhooks, events } = await start({}, { findApp: () => APP });
    receiver.answer(answers(500));
    await edge.occupy('a');
    await eventually(() => expect(receiver.received.length).toBeGreaterThan(0));
    const tries = receiver.received.length;
    webhooks.change([{ ...pusherEndpointOf(receiver, endpoint.id, { app: 'other' }) }]);
    receiver.answer(takes);
    const other = await channelEdge(events, 'other');
    await other.occupy('b');
    await eventually(() => expect(eventsOf(receiver).at(-1)).toEqual({ name: 'channel_occupied', channel: 'b' }));
    await eventually(async () => expect((await events.broker.readWebhook('channels')).failing).toBe(0));
    expect(eventsOf(receiver).slice(tries)).toEqual([{ name: 'channel_occupied', channel: 'b' }]);
  });

  test('is counted what a full buffer takes of its channels', async () => {
    const { receiver, edge, webhooks } = await start({}, { maxEvents: 10 });
    receiver.answer(answers(500));
    for (let n = 0; n < 30; n += 1) await edge.miss('cache-a');
    await eventually(async () => expect((await webhooks.list())[0]?.dropped).toBeGreaterThan(10));
  });
});

function noRequest(): never {
  throw new Error('no request has come');
}
