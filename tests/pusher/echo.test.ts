import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Application, startApplication } from './application.ts';
import { channelName } from './client.ts';
import { Echo, PusherJs, hostOptions } from './libraries.ts';
import { backend, door } from './shared.ts';

let application: Application;
beforeAll(async () => {
  application = await startApplication(backend);
});
afterAll(() => application[Symbol.asyncDispose]());

type Broadcaster = 'reverb' | 'pusher';

/** Laravel Echo with the options that a page has for it. `using` it. */
function echo(broadcaster: Broadcaster, edge: number, user: string): InstanceType<typeof Echo<'pusher'>> & Disposable {
  const { cluster, ...host } = hostOptions(door.edgeUrls[edge] ?? '');
  const made = new Echo<'pusher'>({
    // Both have the same types here.
    broadcaster: broadcaster as 'pusher',
    key: door.apps.main.key,
    ...host,
    // Echo sets it for Reverb.
    ...(broadcaster === 'pusher' && { cluster }),
    Pusher: PusherJs as never,
    authEndpoint: application.authEndpoint,
    userAuthentication: { endpoint: application.userAuthEndpoint, headers: {}, transport: 'ajax' },
    auth: { headers: {} },
    bearerToken: user,
    csrfToken: 'csrf',
  });
  return Object.assign(made, { [Symbol.dispose]: () => made.disconnect() });
}

/** Waits until Echo's channel is subscribed to. */
const subscribed = (channel: { subscription: { subscribed: boolean } }): Promise<void> =>
  eventually(() => expect(channel.subscription.subscribed).toBe(true));

describe.each<Broadcaster>(['reverb', 'pusher'])('Laravel Echo with the broadcaster %s', (broadcaster) => {
  it('listens to the events of a class and to those with a name of their own', async () => {
    const name = channelName();
    using near = echo(broadcaster, 0, 'ann');
    using far = echo(broadcaster, 1, 'bob');
    const got: [kind: string, data: unknown][] = [];
    for (const each of [near, far]) {
      const channel = each
        .channel(name)
        .listen('OrderShipped', (data: unknown) => got.push(['class', data]))
        .listen('.order.shipped', (data: unknown) => got.push(['name', data]));
      await subscribed(channel);
    }
    await backend.trigger(name, 'App\\Events\\OrderShipped', { id: 1 });
    await backend.trigger(name, 'order.shipped', { id: 2 });
    await eventually(() =>
      expect(got.toSorted((first, next) => first[0].localeCompare(next[0]))).toEqual([
        ['class', { id: 1 }],
        ['class', { id: 1 }],
        ['name', { id: 2 }],
        ['name', { id: 2 }],
      ]),
    );
  });

  it('asks the application for private channels, with its tokens, and gets notifications', async () => {
    const user = channelName('7');
    const name = `App.Models.User.${user}`;
    using one = echo(broadcaster, 0, 'ann');
    const notes: unknown[] = [];
    const channel = one.private(name).notification((note: unknown) => notes.push(note));
    await subscribed(channel);
    const request = application.requests.find(({ form }) => form['channel_name'] === `private-${name}`);
    expect(request).toMatchObject({
      path: '/broadcasting/auth',
      headers: { authorization: 'Bearer ann', 'x-csrf-token': 'csrf' },
      form: { socket_id: one.socketId(), channel_name: `private-${name}` },
    });
    const note = { id: 'n-1', type: 'App\\Notifications\\Paid' };
    await backend.trigger(`private-${name}`, 'Illuminate\\Notifications\\Events\\BroadcastNotificationCreated', note);
    await eventually(() => expect(notes).toEqual([note]));
  });

  it('whispers to others on both edges', async () => {
    const name = channelName();
    using from = echo(broadcaster, 0, 'ann');
    using near = echo(broadcaster, 0, 'bob');
    using far = echo(broadcaster, 1, 'cid');
    const got: unknown[] = [];
    for (const each of [from, near, far]) {
      await subscribed(each.private(name).listenForWhisper('typing', (data: unknown) => got.push(data)));
    }
    from.private(name).whisper('typing', { name: 'Ann' });
    await eventually(() => expect(got).toEqual([{ name: 'Ann' }, { name: 'Ann' }]));
    await backend.trigger(`private-${name}`, 'mark', {});
    expect(got).toHaveLength(2);
  });

  it('sends to others: toOthers() leaves out the socket of X-Socket-ID', async () => {
    const name = channelName();
    using sender = echo(broadcaster, 0, 'ann');
    using other = echo(broadcaster, 1, 'bob');
    const got: string[] = [];
    for (const [user, each] of Object.entries({ sender, other })) {
      await subscribed(
        each
          .channel(name)
          .listen('Moved', () => got.push(user))
          .listen('.mark', () => got.push(`${user} mark`)),
      );
    }
    await backend.trigger(name, 'App\\Events\\Moved', {}, { socket_id: sender.socketId() ?? '' });
    await backend.trigger(name, 'mark', {});
    await eventually(() =>
      expect(got.toSorted((first, next) => first.localeCompare(next))).toEqual(['other', 'other mark', 'sender mark']),
    );
  });

  it('joins presence channels: here, joining, leaving', async () => {
    const name = channelName();
    using ann = echo(broadcaster, 0, 'ann');
    const seen: unknown[] = [];
    const joined = ann
      .join(name)
      .here((users: unknown) => seen.push(['here', users]))
      .joining((user: unknown) => seen.push(['joining', user]))
      .leaving((user: unknown) => seen.push(['leaving', user]));
    await subscribed(joined);
    expect(seen).toEqual([['here', [{ name: 'ANN' }]]]);
    using seven = echo(broadcaster, 1, '7');
    await subscribed(seven.join(name));
    await eventually(() => expect(seen.at(-1)).toEqual(['joining', { name: '7' }]));
    seven.leave(name);
    await eventually(() => expect(seen.at(-1)).toEqual(['leaving', { name: '7' }]));
    expect(seen).toHaveLength(3);
  });

  it('reads encrypted channels', async () => {
    const name = channelName();
    using one = echo(broadcaster, 1, 'ann');
    const got: unknown[] = [];
    const channel = one.encryptedPrivate(name).listen('Secret', (data: unknown) => got.push(data));
    await subscribed(channel);
    await backend.trigger(`private-encrypted-${name}`, 'App\\Events\\Secret', { plan: 'x' });
    await eventually(() => expect(got).toEqual([{ plan: 'x' }]));
  });

  it('signs in by the application', async () => {
    const user = channelName('ann');
    using one = echo(broadcaster, 0, user);
    one.connector.signin();
    await eventually(() =>
      expect(application.requests).toContainEqual(
        expect.objectContaining({
          path: '/broadcasting/user-auth',
          headers: expect.objectContaining({ authorization: `Bearer ${user}` }),
        }),
      ),
    );
    const { user: facade } = one.connector.pusher;
    await eventually(() => expect(facade.user_data).toMatchObject({ id: user }));
    const notes: unknown[] = [];
    facade.bind('note', (data: unknown) => notes.push(data));
    await eventually(() => expect(facade.serverToUserChannel).toMatchObject({ subscribed: true }));
    await backend.sendToUser(user, 'note', { n: 1 });
    await eventually(() => expect(notes).toEqual([{ n: 1 }]));
  });

  it('gives the error of a channel that it may not have', async () => {
    const name = channelName();
    using one = echo(broadcaster, 0, 'ann');
    const faults: unknown[] = [];
    const { pusher } = one.connector;
    pusher.config.channelAuthorizer = (_: unknown, callback: (error: null, data: object) => void) =>
      callback(null, { auth: `${door.apps.main.key}:${'0'.repeat(64)}` });
    one.private(name).error((fault: unknown) => faults.push(fault));
    await eventually(() => expect(faults).toEqual([{ type: 'AuthError', error: expect.any(String), status: 401 }]));
  });
});
