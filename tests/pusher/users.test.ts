import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Application, startApplication } from './application.ts';
import { type Client, channelName } from './client.ts';
import { authOf } from './libraries.ts';
import { backend, client, door, frames } from './shared.ts';

let application: Application;
beforeAll(async () => {
  application = await startApplication(backend);
});
afterAll(() => application[Symbol.asyncDispose]());

const MAX_WATCHED = 100;
/** A user that no other test has. */
const userName = (name: string): string => channelName(`${name}-`);

/** Signs in, and waits until the channel of the user is subscribed to. */
async function signedIn(one: Client): Promise<Client> {
  one.pusher.signin();
  await eventually(() => expect(one.pusher.user.serverToUserChannel).toMatchObject({ subscribed: true }));
  return one;
}

const watched = (one: Client): unknown[] =>
  one
    .frames('pusher_internal:watchlist_events')
    .flatMap(({ data }) => (data as { events: { name: string; user_ids: string[] }[] }).events)
    .flatMap(({ name, user_ids }) => user_ids.map((id) => `${id} ${name}`));

describe('a user who signs in', () => {
  it('has it confirmed in a string within a string, and is subscribed to a channel of its own by pusher-js', async () => {
    const ann = userName('ann');
    using one = client({ application, user: ann });
    await signedIn(one);
    expect(one.pusher.user.user_data).toEqual({ id: ann, user_info: { name: ann.toUpperCase() } });
    using socket = await frames();
    const id = await socket.established();
    socket.send({ event: 'pusher:signin', data: backend.authenticateUser(id, { id: ann, more: 'ä"' }) });
    const { data, event } = await socket.next('pusher:signin_success');
    expect({ event, keys: Object.keys(socket.frames.at(-1) ?? {}).toSorted() }).toEqual({
      event: 'pusher:signin_success',
      keys: ['data', 'event'],
    });
    const { user_data } = JSON.parse(data as string) as { user_data: string };
    expect(JSON.parse(user_data)).toEqual({ id: ann, more: 'ä"' });
  });

  it('gets what is sent to the user, on every connection and edge, and no one else does', async () => {
    const [ann, bob] = [userName('ann'), userName('bob')];
    using near = await signedIn(client({ edge: 0, application, user: ann }));
    using far = await signedIn(client({ edge: 1, application, user: ann }));
    using other = await signedIn(client({ edge: 1, application, user: bob }));
    const got: [user: string, data: unknown][] = [];
    for (const each of [near, far, other]) {
      each.pusher.user.bind('note', (data: unknown) => got.push([each.pusher.user.user_data.id, data]));
    }
    await backend.sendToUser(ann, 'note', { text: 'for ann' });
    await backend.sendToUser(bob, 'note', { text: 'for bob' });
    await eventually(() =>
      expect(got.toSorted((one, next) => one[0].localeCompare(next[0]))).toEqual([
        [ann, { text: 'for ann' }],
        [ann, { text: 'for ann' }],
        [bob, { text: 'for bob' }],
      ]),
    );
  });

  it('can be signed in with a signature only', async () => {
    const ann = userName('ann');
    using socket = await frames();
    const id = await socket.established();
    const good = backend.authenticateUser(id, { id: ann });
    const wrong = [
      { ...good, user_data: '{"id":"eve"}' },
      backend.authenticateUser('1.1', { id: ann }),
      { user_data: good.user_data, auth: authOf({ ...door.apps.main, secret: 'x' }, `${id}::user::${good.user_data}`) },
      { user_data: good.user_data, auth: '' },
    ];
    for (const data of wrong) {
      socket.send({ event: 'pusher:signin', data });
      expect(await socket.next('pusher:error')).toMatchObject({ data: { code: 4009, message: expect.any(String) } });
    }
    socket.send({ event: 'pusher:signin', data: good });
    await socket.next('pusher:signin_success');
  });

  it.each(['{"id":7}', '{"id":""}', '{}', '[]', '{'])('is a text with an id: %s is refused', async (userData) => {
    using socket = await frames();
    const id = await socket.established();
    const auth = authOf(door.apps.main, `${id}::user::${userData}`);
    socket.send({ event: 'pusher:signin', data: { auth, user_data: userData } });
    await socket.next('pusher:error');
    expect(socket.frames.map(({ event }) => event)).not.toContain('pusher:signin_success');
  });

  it('has its channel for itself: others and those who are not signed in may not subscribe to it', async () => {
    const [ann, eve] = [userName('ann'), userName('eve')];
    const channel = `#server-to-user-${ann}`;
    for (const user of [undefined, eve]) {
      using socket = await frames();
      const id = await socket.established();
      if (user !== undefined) {
        socket.send({ event: 'pusher:signin', data: backend.authenticateUser(id, { id: user }) });
        await socket.next('pusher:signin_success');
      }
      socket.subscribe(channel);
      const error = await socket.next('pusher:subscription_error', channel);
      expect(error.data).toEqual({ type: 'AuthError', error: expect.any(String), status: 401 });
      await backend.sendToUser(ann, 'note', 'secret');
      const mark = channelName();
      socket.subscribe(mark);
      await socket.next('pusher_internal:subscription_succeeded', mark);
      await backend.trigger(mark, 'mark', {});
      await socket.next('mark');
      expect(socket.frames.map(({ event }) => event)).not.toContain('note');
    }
  });
});

describe('a watchlist', () => {
  it('has who is online at the sign-in, and then who comes and goes, over both edges', async () => {
    const [ann, bob, cid] = [userName('ann'), userName('bob'), userName('cid')];
    using friend = await signedIn(client({ edge: 1, application, user: bob }));
    application.watchlists.set(ann, [bob, cid]);
    using one = client({ edge: 0, application, user: ann });
    const online: string[] = [];
    one.pusher.user.watchlist.bind('online', ({ user_ids }: { user_ids: string[] }) => online.push(...user_ids));
    await signedIn(one);
    await eventually(() => expect(watched(one)).toContain(`${bob} online`));
    {
      using first = await signedIn(client({ edge: 0, application, user: cid }));
      await eventually(() => expect(watched(one)).toContain(`${cid} online`));
      using second = await signedIn(client({ edge: 1, application, user: cid }));
      await second.connected();
      first.pusher.disconnect();
      // With another connection there, the user stays online.
      await backend.sendToUser(ann, 'mark', {});
      await eventually(() => expect(one.frames('mark')).toHaveLength(1));
      expect(watched(one).filter((each) => each === `${cid} offline`).length).toBeLessThanOrEqual(1);
    }
    await eventually(() => expect(watched(one).at(-1)).toBe(`${cid} offline`));
    expect(online).toEqual([bob, cid]);
    expect(friend.states).toEqual(['connecting', 'connected']);
  });

  it('takes the first hundred users, and reports 4302 for more, which closes nothing', async () => {
    const [ann, first, beyond] = [userName('ann'), userName('first'), userName('beyond')];
    const others = Array.from({ length: MAX_WATCHED - 1 }, (_, index) => `${ann}-other-${index}`);
    application.watchlists.set(ann, [first, ...others, beyond]);
    using one = await signedIn(client({ edge: 0, application, user: ann }));
    await eventually(() =>
      expect(one.errors).toEqual([{ type: 'PusherError', data: { code: 4302, message: expect.any(String) } }]),
    );
    using unseen = client({ edge: 1, application, user: beyond });
    using seen = client({ edge: 1, application, user: first });
    for (const each of [unseen, seen]) await signedIn(each);
    await eventually(() => expect(watched(one)).toContain(`${first} online`));
    expect(watched(one)).not.toContain(`${beyond} online`);
    expect(one.states).toEqual(['connecting', 'connected']);
  });
});

describe('terminating the connections of a user', () => {
  it('ends those that are signed in as this user, on both edges and for ever, and no other', async () => {
    const [ann, bob] = [userName('ann'), userName('bob')];
    using near = await signedIn(client({ edge: 0, application, user: ann }));
    using far = await signedIn(client({ edge: 1, application, user: ann }));
    using other = await signedIn(client({ edge: 0, application, user: bob }));
    // Authorized as the user, but not signed in.
    using guest = client({ edge: 1, application, user: ann });
    const presence = channelName('presence-');
    await guest.subscribe(presence);
    expect(await (await backend.terminateUserConnections(ann)).json()).toEqual({});
    for (const each of [near, far]) {
      await eventually(() => expect(each.pusher.connection.state).toBe('disconnected'));
      expect(each.errors).toContainEqual(
        expect.objectContaining({ data: { code: 4009, message: expect.any(String) } }),
      );
      expect(each.retries).toEqual([]);
      expect(each.states).toEqual(['connecting', 'connected', 'disconnected']);
    }
    await backend.sendToUser(bob, 'mark', {});
    await eventually(() => expect(other.frames('mark')).toHaveLength(1));
    await backend.trigger(presence, 'mark', {});
    await eventually(() => expect(guest.events(presence)).toHaveLength(1));
    for (const each of [other, guest]) expect(each.states).toEqual(['connecting', 'connected']);
  });
});
