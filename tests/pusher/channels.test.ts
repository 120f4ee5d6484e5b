import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Application, startApplication } from './application.ts';
import { channelName } from './client.ts';
import { PREVIOUS_SECRET } from './installation.ts';
import { backendOf } from './libraries.ts';
import { backend, client, door, frames } from './shared.ts';

let application: Application;
beforeAll(async () => {
  application = await startApplication(backend);
});
afterAll(() => application[Symbol.asyncDispose]());

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
/** Everything that a channel's name may hold. */
const EVERY_CHARACTER = 'azAZ09_-=@,.;';

describe('a public channel', () => {
  it('delivers what a backend triggers to subscribers on both edges, the data untouched', async () => {
    using one = client({ edge: 0 });
    using other = client({ edge: 1 });
    const channel = channelName();
    for (const each of [one, other]) await each.subscribe(channel);
    await backend.trigger(channel, 'thing', { x: 1, text: 'ä "quoted" \\ 💡' });
    await backend.trigger(channel, 'text', 'hello');
    await backend.trigger(channel, 'nothing', '');
    for (const each of [one, other]) {
      await eventually(() =>
        expect(each.events(channel)).toEqual([
          { event: 'thing', channel, data: { x: 1, text: 'ä "quoted" \\ 💡' } },
          { event: 'text', channel, data: 'hello' },
          { event: 'nothing', channel, data: '' },
        ]),
      );
    }
  });

  it('has frames as strict clients want them: data is a string, and nothing else is in it', async () => {
    using socket = await frames();
    await socket.established();
    const channel = channelName();
    socket.subscribe(channel);
    const subscribed = await socket.next('pusher_internal:subscription_succeeded');
    expect(subscribed).toEqual({ event: 'pusher_internal:subscription_succeeded', channel, data: '{}' });
    await backend.trigger(channel, 'evt', { x: 1 });
    expect(await socket.next('evt')).toEqual({ event: 'evt', channel, data: '{"x":1}' });
    expect(JSON.parse(socket.texts.at(-1) ?? '')).toEqual({ event: 'evt', channel, data: '{"x":1}' });
  });

  it('is subscribed to with an empty auth, as pusher-js sends it', async () => {
    using one = client();
    await one.connected();
    const sent: string[] = [];
    const { connection } = one.pusher.connection;
    const send = connection.send.bind(connection);
    connection.send = (text: string) => {
      sent.push(text);
      return send(text);
    };
    const channel = channelName();
    await one.subscribe(channel);
    expect(sent).toEqual([`{"event":"pusher:subscribe","data":{"auth":"","channel":"${channel}"}}`]);
  });

  it('keeps the order of a backend, on both edges', async () => {
    using one = client({ edge: 0 });
    using other = client({ edge: 1 });
    const channel = channelName();
    for (const each of [one, other]) await each.subscribe(channel);
    const numbers = upTo(100);
    for (const number of numbers) await backend.trigger(channel, 'number', number);
    for (const each of [one, other]) {
      await eventually(() => expect(each.events(channel).map(({ data }) => data)).toEqual(numbers));
    }
  });

  it('delivers nothing any more once it is unsubscribed from, and again after another subscribe', async () => {
    using one = client();
    const [left, kept] = [channelName(), channelName()];
    await one.subscribe(left);
    one.pusher.unsubscribe(left);
    await one.subscribe(kept);
    await backend.trigger(left, 'missed', {});
    await backend.trigger(kept, 'mark', {});
    await eventually(() => expect(one.events(kept)).toHaveLength(1));
    expect(one.events(left)).toEqual([]);
    await one.subscribe(left);
    await backend.trigger(left, 'got', {});
    await eventually(() => expect(one.events(left).map(({ event }) => event)).toEqual(['got']));
  });

  it('is joined once by several subscribes, and a later one is answered again', async () => {
    using socket = await frames();
    await socket.established();
    const channel = channelName();
    // Two at once may have one answer.
    for (const _ of upTo(2)) socket.subscribe(channel);
    await socket.next('pusher_internal:subscription_succeeded', channel);
    await backend.trigger(channel, 'first', 0);
    await socket.next('first');
    socket.subscribe(channel);
    await socket.next('pusher_internal:subscription_succeeded', channel);
    await backend.trigger(channel, 'evt', 1);
    await backend.trigger(channel, 'mark', 2);
    await socket.next('mark');
    expect(socket.frames.filter(({ event }) => event === 'evt')).toHaveLength(1);
  });

  it('can be left while it is still being subscribed to', async () => {
    using socket = await frames();
    await socket.established();
    const [left, kept] = [channelName(), channelName()];
    socket.subscribe(left);
    socket.send({ event: 'pusher:unsubscribe', data: { channel: left } });
    socket.subscribe(kept);
    await socket.next('pusher_internal:subscription_succeeded', kept);
    await backend.trigger(left, 'missed', 1);
    await backend.trigger(kept, 'mark', 2);
    await socket.next('mark');
    expect(socket.frames.filter(({ event }) => event === 'missed')).toEqual([]);
  });

  it('takes a hundred subscriptions at once, as pusher-js sends them when it connects', async () => {
    using one = client();
    const channels = upTo(100).map(() => channelName());
    const subscribed = channels.map((channel) => one.pusher.subscribe(channel));
    await eventually(() => expect(subscribed.filter((channel) => !channel.subscribed)).toEqual([]));
    await backend.trigger(channels, 'all', {});
    await eventually(() => expect(channels.filter((channel) => one.events(channel).length !== 1)).toEqual([]));
  });

  it('is one of many that are new: beyond a hundred they wait for their turn, and none is refused', async () => {
    using one = client();
    await one.connected();
    const all = upTo(130).map(() => one.pusher.subscribe(channelName()));
    await eventually(() => expect(all.filter(({ subscribed }) => subscribed)).toHaveLength(all.length));
    expect({ errors: one.errors, states: one.states }).toEqual({ errors: [], states: ['connecting', 'connected'] });
  });

  it('may have every character of a name, and 200 of them', async () => {
    using one = client();
    const channel = channelName(`${EVERY_CHARACTER}-`).padEnd(200, 'x');
    await one.subscribe(channel);
    await backend.trigger(channel, 'evt', 1);
    await eventually(() => expect(one.events(channel)).toHaveLength(1));
  });

  it.each(['a b', 'ä', 'a/b', 'a{b}', 'a!b', '', 'x'.repeat(201), '#online-alice'])(
    'cannot be called %j: the subscription fails, and nothing else',
    async (channel) => {
      using socket = await frames();
      await socket.established();
      socket.subscribe(channel);
      socket.send({ event: 'pusher:ping', data: {} });
      await socket.next('pusher:pong');
      expect(socket.frames.slice(1, -1)).toEqual([
        {
          event: 'pusher:subscription_error',
          channel,
          data: { type: expect.any(String), error: expect.any(String), status: expect.any(Number) },
        },
      ]);
    },
  );

  it('is apart from the same channel of another app', async () => {
    using ours = client();
    using theirs = client({ app: 'strict' });
    const channel = channelName();
    for (const each of [ours, theirs]) await each.subscribe(channel);
    await backend.trigger(channel, 'evt', 'ours');
    await backendOf(door, door.apps.strict).trigger(channel, 'evt', 'theirs');
    await eventually(() => expect(theirs.events(channel).map(({ data }) => data)).toEqual(['theirs']));
    await eventually(() => expect(ours.events(channel).map(({ data }) => data)).toEqual(['ours']));
  });
});

describe('a private channel', () => {
  it('is open to those whom the application authorizes, on both edges', async () => {
    using one = client({ edge: 0, application, user: 'ann' });
    using other = client({ edge: 1, application, user: 'bob' });
    const channel = channelName('private-');
    for (const each of [one, other]) await each.subscribe(channel);
    await backend.trigger(channel, 'evt', { x: 1 });
    for (const each of [one, other]) {
      await eventually(() => expect(each.events(channel)).toEqual([{ event: 'evt', channel, data: { x: 1 } }]));
    }
  });

  it.each([
    ['no signature', () => ''],
    ['one of another channel', (id: string) => backend.authorizeChannel(id, 'private-other').auth],
    ['one of another connection', (_: string, channel: string) => backend.authorizeChannel('1.1', channel).auth],
    [
      'one of another app',
      (id: string, channel: string) => backendOf(door, door.apps.strict).authorizeChannel(id, channel).auth,
    ],
    [
      'one made with a wrong secret',
      (id: string, channel: string) =>
        backendOf(door, { ...door.apps.main, secret: 'wrong' }).authorizeChannel(id, channel).auth,
    ],
  ])('is closed to %s: pusher-js passes the error on, and nothing is delivered', async (_what, authOf) => {
    const channel = channelName('private-');
    using one = client({
      channelAuthorization: {
        customHandler: ({ socketId, channelName: name }, callback) => callback(null, { auth: authOf(socketId, name) }),
      },
    });
    await one.connected();
    const errors: unknown[] = [];
    one.pusher.subscribe(channel).bind('pusher:subscription_error', (error: unknown) => errors.push(error));
    await eventually(() => expect(errors).toEqual([{ type: 'AuthError', error: expect.any(String), status: 401 }]));
    const open = channelName();
    await one.subscribe(open);
    await backend.trigger(channel, 'secret', {});
    await backend.trigger(open, 'mark', {});
    await eventually(() => expect(one.events(open)).toHaveLength(1));
    expect(one.events(channel)).toEqual([]);
    expect(one.states.at(-1)).toBe('connected');
  });
});

describe('an encrypted channel', () => {
  it.each(['private-encrypted-', 'private-encrypted-cache-'])(
    '%s is read by those who have its key, and by nothing between',
    async (prefix) => {
      using one = client({ edge: 0, application, user: 'ann' });
      using other = client({ edge: 1, application, user: 'bob' });
      const channel = channelName(prefix);
      const read: unknown[][] = [];
      for (const each of [one, other]) {
        const got: unknown[] = [];
        read.push(got);
        (await each.subscribe(channel)).bind('evt', (data: unknown) => got.push(data));
      }
      await backend.trigger(channel, 'evt', { secret: 'plans' });
      await eventually(() => expect(read).toEqual([[{ secret: 'plans' }], [{ secret: 'plans' }]]));
      expect(one.events(channel)).toEqual([
        { event: 'evt', channel, data: { nonce: expect.any(String), ciphertext: expect.any(String) } },
      ]);
    },
  );
});

describe('an app whose secret is being replaced', () => {
  const { changing } = door.apps;

  it.each([
    ['new', changing.secret],
    ['previous', PREVIOUS_SECRET],
  ])('takes calls, channels and sign-ins of a backend with the %s secret, on both edges', async (_which, secret) => {
    const its = backendOf(door, { ...changing, secret });
    const channel = channelName('private-');
    for (const edge of [0, 1]) {
      using socket = await frames({ edge, app: 'changing' });
      const id = await socket.established();
      socket.send({ event: 'pusher:subscribe', data: { channel, ...its.authorizeChannel(id, channel) } });
      await socket.next('pusher_internal:subscription_succeeded');
      socket.send({ event: 'pusher:signin', data: its.authenticateUser(id, { id: channelName('user-') }) });
      await socket.next('pusher:signin_success');
      await its.trigger(channel, 'evt', 'x');
      expect(await socket.next('evt')).toMatchObject({ channel, data: 'x' });
    }
  });

  it('takes nothing of any other secret', async () => {
    const other = backendOf(door, { ...changing, secret: 'another' });
    await expect(other.trigger('a', 'evt', 'x')).rejects.toMatchObject({ status: 401 });
    using socket = await frames({ app: 'changing' });
    const id = await socket.established();
    const channel = channelName('private-');
    socket.send({ event: 'pusher:subscribe', data: { channel, ...other.authorizeChannel(id, channel) } });
    expect(await socket.next('pusher:subscription_error')).toMatchObject({ channel });
  });
});

describe('a cache channel', () => {
  it.each(['cache-', 'private-cache-', 'presence-cache-'])(
    '%s says that it has nothing, then gives a new subscriber its last event, on either edge',
    async (prefix) => {
      using early = client({ edge: 0, application, user: 'ann' });
      const channel = channelName(prefix);
      await early.subscribe(channel);
      await eventually(() => expect(early.frames('pusher:cache_miss', channel)).toHaveLength(1));
      for (const number of [1, 2, 3]) await backend.trigger(channel, 'state', { number });
      await eventually(() => expect(early.events(channel)).toHaveLength(3));
      for (const edge of [0, 1]) {
        using late = client({ edge, application, user: 'bob' });
        await late.subscribe(channel);
        await eventually(() =>
          expect(late.events(channel)).toEqual([{ event: 'state', channel, data: { number: 3 } }]),
        );
        expect(late.frames('pusher:cache_miss')).toEqual([]);
        await backend.trigger(channel, 'state', { number: 3 });
        await eventually(() => expect(late.events(channel)).toHaveLength(2));
      }
    },
  );

  it('has the miss as a frame of its own, after the subscription', async () => {
    using socket = await frames();
    await socket.established();
    const channel = channelName('cache-');
    socket.subscribe(channel);
    await socket.next('pusher:cache_miss', channel);
    const [, subscribed, missed] = socket.frames;
    expect(subscribed).toMatchObject({ event: 'pusher_internal:subscription_succeeded', channel });
    expect(missed).toMatchObject({ event: 'pusher:cache_miss', channel });
  });

  it('keeps no event of a channel that is none', async () => {
    const channel = channelName();
    await backend.trigger(channel, 'gone', {});
    using late = client();
    await late.subscribe(channel);
    await backend.trigger(channel, 'mark', {});
    await eventually(() => expect(late.events(channel).map(({ event }) => event)).toEqual(['mark']));
    expect(late.frames('pusher:cache_miss')).toEqual([]);
  });
});

describe('the count of subscribers', () => {
  it('is sent to those of an app that asks for it, over both edges', async () => {
    using one = client({ edge: 0, app: 'counted' });
    const channel = channelName();
    await one.subscribe(channel);
    const counts = () => one.frames('pusher_internal:subscription_count', channel).map(({ data }) => data);
    await eventually(() => expect(counts()).toContainEqual({ subscription_count: 1 }));
    {
      using other = client({ edge: 1, app: 'counted' });
      await other.subscribe(channel);
      await eventually(() => expect(counts().at(-1)).toEqual({ subscription_count: 2 }));
      await eventually(() => expect(one.pusher.channel(channel).subscriptionCount).toBe(2));
    }
    await eventually(() => expect(counts().at(-1)).toEqual({ subscription_count: 1 }));
  });

  it('is sent to no one else', async () => {
    using one = client({ edge: 0 });
    const channel = channelName();
    await one.subscribe(channel);
    using other = client({ edge: 1 });
    await other.subscribe(channel);
    await backend.trigger(channel, 'mark', {});
    await eventually(() => expect(one.events(channel)).toHaveLength(1));
    expect(one.frames('pusher_internal:subscription_count')).toEqual([]);
  });
});
