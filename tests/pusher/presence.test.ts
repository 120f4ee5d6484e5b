import { eventually } from '@holdfast/testkit/eventually';
import type { PresenceChannel } from 'pusher-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Application, startApplication } from './application.ts';
import { type Client, channelName, membersOf } from './client.ts';
import { authOf, backendOf } from './libraries.ts';
import { backend, client, door, frames } from './shared.ts';

let application: Application;
beforeAll(async () => {
  application = await startApplication(backend);
});
afterAll(() => application[Symbol.asyncDispose]());

const usersOf = async (channel: string): Promise<string[]> => {
  const answer = await backend.get({ path: `/channels/${channel}/users` });
  return ((await answer.json()) as { users: { id: string }[] }).users.map(({ id }) => id).toSorted();
};

/** The changes that a client was sent, as `+ann`, `-bob`. */
function changes(one: Client, channel: string): string[] {
  return one.received.flatMap(({ event, channel: of, data }) => {
    const sign = { 'pusher_internal:member_added': '+', 'pusher_internal:member_removed': '-' }[event];
    return sign === undefined || of !== channel ? [] : [`${sign}${(data as { user_id: string }).user_id}`];
  });
}

describe('a presence channel', () => {
  it('tells a new member who is there, itself included, and all others of it, over both edges', async () => {
    const channel = channelName('presence-');
    using ann = client({ edge: 0, application, user: 'ann' });
    const anns = await ann.join(channel);
    expect(membersOf(anns)).toEqual(['ann']);
    expect(anns.members.me).toEqual({ id: 'ann', info: { name: 'ANN' } });
    using bob = client({ edge: 1, application, user: 'bob' });
    const bobs = await bob.join(channel);
    await eventually(() => expect(membersOf(bobs)).toEqual(['ann', 'bob']));
    expect(bobs.members).toMatchObject({ count: 2, me: { id: 'bob', info: { name: 'BOB' } } });
    expect(bobs.members.get('ann')).toEqual({ id: 'ann', info: { name: 'ANN' } });
    await eventually(() => expect(membersOf(anns)).toEqual(['ann', 'bob']));
    expect(ann.frames('pusher_internal:member_added')).toEqual([
      {
        event: 'pusher_internal:member_added',
        channel,
        data: { user_id: 'bob', user_info: { name: 'BOB' } },
      },
    ]);
    bob.pusher.unsubscribe(channel);
    await eventually(() => expect(membersOf(anns)).toEqual(['ann']));
    expect(ann.frames('pusher_internal:member_removed')).toEqual([
      { event: 'pusher_internal:member_removed', channel, data: { user_id: 'bob' } },
    ]);
    expect(anns.members.count).toBe(1);
    expect(await usersOf(channel)).toEqual(['ann']);
  });

  it('has frames as strict clients want them', async () => {
    const channel = channelName('presence-');
    using socket = await frames();
    const id = await socket.established();
    const { auth, channel_data } = backend.authorizeChannel(id, channel, { user_id: 'u-1', user_info: { name: 'N' } });
    socket.subscribe(channel, { auth, channel_data: channel_data ?? null });
    const { data, ...rest } = await socket.next('pusher_internal:subscription_succeeded');
    expect(rest).toEqual({ event: 'pusher_internal:subscription_succeeded', channel });
    expect(JSON.parse(data as string)).toEqual({
      presence: { ids: ['u-1'], hash: { 'u-1': { name: 'N' } }, count: 1 },
    });
    using bob = client({ edge: 1, application, user: 'bob' });
    await bob.join(channel);
    const added = await socket.next('pusher_internal:member_added');
    expect(JSON.parse(added.data as string)).toEqual({ user_id: 'bob', user_info: { name: 'BOB' } });
    bob.pusher.disconnect();
    const removed = await socket.next('pusher_internal:member_removed');
    expect(JSON.parse(removed.data as string)).toEqual({ user_id: 'bob' });
  });

  it('has a user once, however many connections: added with the first, removed with the last', async () => {
    const channel = channelName('presence-');
    using watcher = client({ edge: 0, application, user: 'watcher' });
    const watched = await watcher.join(channel);
    const tabs = [0, 0, 1].map((edge) => client({ edge, application, user: 'ann' }));
    for (const tab of tabs) await tab.join(channel);
    await eventually(() => expect(membersOf(watched)).toEqual(['ann', 'watcher']));
    for (const tab of tabs) {
      const joined = tab.pusher.channel(channel) as PresenceChannel;
      await eventually(() => expect(membersOf(joined)).toEqual(['ann', 'watcher']));
    }
    expect(await usersOf(channel)).toEqual(['ann', 'watcher']);
    using mark = client({ edge: 0, application, user: 'mark' });
    await mark.join(channel);
    await eventually(() => expect(changes(watcher, channel)).toEqual(['+ann', '+mark']));
    const [first, second, last] = tabs;
    first?.pusher.disconnect();
    second?.pusher.unsubscribe(channel);
    // The edge writes that the one is gone no sooner than that the others are.
    mark.pusher.unsubscribe(channel);
    await eventually(() => expect(changes(watcher, channel)).toEqual(['+ann', '+mark', '-mark']));
    last?.pusher.disconnect();
    await eventually(() => expect(changes(watcher, channel)).toEqual(['+ann', '+mark', '-mark', '-ann']));
  });

  it('takes a number as the id of a user, as Laravel sends it, and answers it as it came', async () => {
    const channel = channelName('presence-');
    using seven = client({ edge: 0, application, user: '7' });
    const channel7 = await seven.join(channel);
    expect(channel7.members.me).toEqual({ id: 7, info: { name: '7' } });
    using eight = client({ edge: 1, application, user: '8' });
    const channel8 = await eight.join(channel);
    await eventually(() => expect(membersOf(channel8)).toEqual(['7', '8']));
    await eventually(() => expect(membersOf(channel7)).toEqual(['7', '8']));
    expect(seven.frames('pusher_internal:member_added')).toEqual([
      { event: 'pusher_internal:member_added', channel, data: { user_id: 8, user_info: { name: '8' } } },
    ]);
    // The same user, as text: no second member.
    using text = await frames({ edge: 1 });
    const id = await text.established();
    const { auth, channel_data } = backend.authorizeChannel(id, channel, { user_id: '7', user_info: {} });
    text.subscribe(channel, { auth, channel_data: channel_data ?? null });
    await text.next('pusher_internal:subscription_succeeded');
    expect(await usersOf(channel)).toEqual(['7', '8']);
    eight.pusher.disconnect();
    await eventually(() => expect(changes(seven, channel)).toEqual(['+8', '-8']));
    expect(membersOf(channel7)).toEqual(['7']);
  });

  it('takes a member without info', async () => {
    const channel = channelName('presence-');
    using socket = await frames();
    const id = await socket.established();
    const { auth, channel_data } = backend.authorizeChannel(id, channel, { user_id: 'bare' });
    socket.subscribe(channel, { auth, channel_data: channel_data ?? null });
    const { data } = await socket.next('pusher_internal:subscription_succeeded');
    const { presence } = JSON.parse(data as string) as { presence: { ids: string[]; count: number } };
    expect(presence).toMatchObject({ ids: ['bare'], count: 1 });
  });

  it.each([null, undefined])(
    'takes the user who signed in as the member when channel_data is %s',
    async (channelData) => {
      const channel = channelName('presence-');
      const signatures = {
        channelAuthorization: {
          customHandler: (
            { socketId, channelName: name }: { socketId: string; channelName: string },
            callback: Function,
          ) =>
            void callback(null, {
              auth: backend.authorizeChannel(socketId, name).auth,
              ...(channelData === null && { channel_data: null }),
            }),
        },
      };
      using watcher = client({ edge: 0, application, user: 'watcher' });
      await watcher.join(channel);
      using ann = client({ edge: 1, application, user: 'ann', ...(signatures as object) });
      ann.pusher.signin();
      const joined = await ann.join(channel);
      await eventually(() => expect(membersOf(joined)).toEqual(['ann', 'watcher']));
      expect(joined.members.me).toEqual({ id: 'ann', info: { name: 'ANN' } });
      await eventually(() => expect(changes(watcher, channel)).toEqual(['+ann']));
    },
  );

  it.each([
    ['no data of a member', undefined],
    ['data that is no JSON', '{'],
    ['data without a user', '{"user_info":{}}'],
    ['a user who is an object', '{"user_id":{}}'],
    ['an empty user', '{"user_id":""}'],
    ['more than it may have', JSON.stringify({ user_id: 'a', user_info: { text: 'x'.repeat(5000) } })],
  ])('refuses %s', async (_what, channelData) => {
    const channel = channelName('presence-');
    using socket = await frames();
    const id = await socket.established();
    // Signed well: what is signed is the fault.
    const auth = authOf(door.apps.main, [id, channel, ...(channelData === undefined ? [] : [channelData])].join(':'));
    socket.subscribe(channel, { auth, ...(channelData !== undefined && { channel_data: channelData }) });
    const error = await socket.next('pusher:subscription_error', channel);
    expect(error.data).toMatchObject({
      type: expect.any(String),
      error: expect.any(String),
      status: expect.any(Number),
    });
    expect(await usersOf(channel)).toEqual([]);
  });

  it('refuses data that another is signed for', async () => {
    const channel = channelName('presence-');
    using socket = await frames();
    const id = await socket.established();
    const { auth } = backend.authorizeChannel(id, channel, { user_id: 'ann' });
    socket.subscribe(channel, { auth, channel_data: '{"user_id":"bob"}' });
    const error = await socket.next('pusher:subscription_error', channel);
    expect(error.data).toEqual({ type: 'AuthError', error: expect.any(String), status: 401 });
  });

  it('has no more members than the app allows, over both edges', async () => {
    const channel = channelName('presence-');
    const strict = backendOf(door, door.apps.strict);
    await using theirs = await startApplication(strict);
    const open = (edge: number, user: string) => client({ edge, app: 'strict', application: theirs, user });
    using ann = open(0, 'ann');
    const anns = await ann.join(channel);
    using bob = open(1, 'bob');
    await bob.join(channel);
    await eventually(() => expect(membersOf(anns)).toEqual(['ann', 'bob']));
    using cid = open(0, 'cid');
    const errors: unknown[] = [];
    cid.pusher.subscribe(channel).bind('pusher:subscription_error', (error: unknown) => errors.push(error));
    await eventually(() =>
      expect(errors).toEqual([{ type: expect.any(String), error: expect.any(String), status: expect.any(Number) }]),
    );
    // A member who is there may come with another tab.
    using second = open(1, 'ann');
    await second.join(channel);
  });
});
