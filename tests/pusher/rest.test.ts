import { eventually } from '@holdfast/testkit/eventually';
import Pusher from 'pusher';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Application, startApplication } from './application.ts';
import { channelName } from './client.ts';
import { authOf, backendOf } from './libraries.ts';
import { backend, client, door } from './shared.ts';

let application: Application;
beforeAll(async () => {
  application = await startApplication(backend);
});
afterAll(() => application[Symbol.asyncDispose]());

const { controlUrl, apps } = door;
const { appId, key } = apps.main;
const strict = backendOf(door, apps.strict);

const json = async (answer: Promise<{ json: () => Promise<unknown> }>): Promise<unknown> => (await answer).json();

/** What the library rejects with. */
const refused = async (call: Promise<unknown>): Promise<{ status: number | undefined; body: unknown }> => {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Pusher.RequestError);
  const { status, body } = error as Pusher.RequestError;
  return { status, body: JSON.parse(body ?? 'null') };
};

/** The library types a body as text, and makes JSON of whatever it is. */
const post = (path: string, body: unknown, by = backend): Promise<unknown> =>
  json(by.post({ path, body: body as string }));

/** A request whose signature the test can spoil. */
async function signed(
  change: Record<string, string | undefined> = {},
  { path = `/apps/${appId}/events`, method = 'POST', body = '{"name":"e","data":"d","channels":["c"]}' } = {},
): Promise<{ status: number; body: unknown }> {
  const query = new URLSearchParams(
    backend.createSignedQueryString({ method, path, ...(method === 'POST' && { body }) }),
  );
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) query.delete(name);
    else query.set(name, value);
  }
  const answer = await fetch(`${controlUrl}${path}?${query.toString()}`, {
    method,
    ...(method === 'POST' && { body, headers: { 'content-type': 'application/json' } }),
  });
  return { status: answer.status, body: await answer.json() };
}

const list = (params: Record<string, string>) => json(backend.get({ path: '/channels', params }));
const channelInfo = (channel: string, info?: string) =>
  json(backend.get({ path: `/channels/${channel}`, ...(info !== undefined && { params: { info } }) }));
const seconds = (late: number): string => String(Math.floor(Date.now() / 1000) + late);

/** Signs what it changes. */
function resigned(changes: Record<string, string>): Record<string, string> {
  const path = `/apps/${appId}/events`;
  const body = '{"name":"e","data":"d","channels":["c"]}';
  const query = new URLSearchParams(backend.createSignedQueryString({ method: 'POST', path, body }));
  query.delete('auth_signature');
  for (const [name, value] of Object.entries(changes)) query.set(name, value);
  query.sort();
  const text = [...query].map(([name, value]) => `${name}=${value}`).join('&');
  const signature = authOf(apps.main, `POST\n${path}\n${text}`).slice(key.length + 1);
  return { ...Object.fromEntries(query), auth_signature: signature };
}

describe('POST /events', () => {
  it('takes one channel, several, and `channel` as the PHP library sends it', async () => {
    const [one, other] = [channelName(), channelName()];
    using near = client({ edge: 0 });
    using far = client({ edge: 1 });
    await near.subscribe(one);
    await far.subscribe(other);
    expect(await json(backend.trigger(one, 'single', {}))).toEqual({});
    expect(await json(backend.trigger([one, other], 'both', {}))).toEqual({});
    expect(await post('/events', { name: 'php', data: '{"a":1}', channel: other })).toEqual({});
    await eventually(() => expect(near.events(one).map(({ event }) => event)).toEqual(['single', 'both']));
    await eventually(() =>
      expect(far.events(other)).toEqual([
        { event: 'both', channel: other, data: {} },
        { event: 'php', channel: other, data: { a: 1 } },
      ]),
    );
  });

  it('leaves out the connection of socket_id, on the channels of the event and on no other', async () => {
    const [channel, second] = [channelName(), channelName('private-')];
    using sender = client({ edge: 0, application, user: 'ann' });
    using near = client({ edge: 0, application, user: 'bob' });
    using far = client({ edge: 1, application, user: 'cid' });
    for (const each of [sender, near, far]) {
      await each.subscribe(channel);
      await each.subscribe(second);
    }
    const socket_id = await sender.connected();
    for (let number = 0; number < 10; number += 1) {
      await backend.trigger([channel, second], 'others', number, { socket_id });
      await backend.trigger([channel, second], 'all', number);
    }
    const names = (one: typeof near, of: string) => one.events(of).map(({ event }) => event);
    for (const of of [channel, second]) {
      for (const each of [near, far]) {
        const all = Array.from({ length: 10 }, () => ['others', 'all']).flat();
        await eventually(() => expect(names(each, of)).toEqual(all));
      }
      await eventually(() => expect(names(sender, of)).toEqual(Array.from({ length: 10 }, () => 'all')));
    }
  });

  it('gives the info that is asked for', async () => {
    const [open, presence] = [channelName(), channelName('presence-')];
    using ann = client({ edge: 0, application, user: 'ann' });
    using bob = client({ edge: 1, application, user: 'bob' });
    for (const each of [ann, bob]) {
      await each.subscribe(open);
      await each.subscribe(presence);
    }
    await eventually(async () =>
      expect(await json(backend.trigger([open, presence], 'e', {}, { info: 'user_count,subscription_count' }))).toEqual(
        {
          channels: { [open]: { subscription_count: 2 }, [presence]: { user_count: 2 } },
        },
      ),
    );
  });

  it('publishes names as they are, those of Laravel among them', async () => {
    const channel = channelName();
    using one = client();
    await one.subscribe(channel);
    const names = ['App\\Events\\OrderShipped', 'order.shipped', 'ä "b"', 'n'.repeat(200)];
    for (const name of names) await backend.trigger(channel, name, {});
    await eventually(() => expect(one.events(channel).map(({ event }) => event)).toEqual(names));
  });

  it.each([
    ['no name', { data: 'd', channels: ['c'] }],
    ['a name of 201 characters', { name: 'n'.repeat(201), data: 'd', channels: ['c'] }],
    ['no data', { name: 'e', channels: ['c'] }],
    ['data that is no text', { name: 'e', data: {}, channels: ['c'] }],
    ['no channel', { name: 'e', data: 'd' }],
    ['an empty list of channels', { name: 'e', data: 'd', channels: [] }],
    ['101 channels', { name: 'e', data: 'd', channels: Array.from({ length: 101 }, (_, index) => `c${index}`) }],
    ['a channel that cannot be', { name: 'e', data: 'd', channels: ['a b'] }],
    ['a socket_id of another form', { name: 'e', data: 'd', channels: ['c'], socket_id: 'abc' }],
    ['two channels, one of them encrypted', { name: 'e', data: 'd', channels: ['private-encrypted-a', 'c'] }],
  ])('answers 400 to %s', async (_what, body) => {
    const answer = await refused(post('/events', body));
    expect(answer).toMatchObject({ status: 400, body: { status: 400, code: expect.any(String) } });
  });

  it('answers 400 to what is no JSON', async () => {
    const answer = await signed({}, { body: '{' });
    expect(answer.status).toBe(400);
  });

  it('answers 413 to more data than the app allows, and takes 10 kB by default', async () => {
    const channel = channelName();
    using one = client();
    await one.subscribe(channel);
    await backend.trigger(channel, 'fits', 'x'.repeat(10 * 1024));
    expect(await refused(backend.trigger(channel, 'e', 'x'.repeat(10 * 1024 + 1)))).toMatchObject({ status: 413 });
    expect(await refused(strict.trigger(channel, 'e', 'x'.repeat(101)))).toMatchObject({ status: 413 });
    expect(await json(strict.trigger(channel, 'e', 'x'.repeat(100)))).toEqual({});
    await backend.trigger(channel, 'mark', {});
    await eventually(() => expect(one.events(channel).map(({ event }) => event)).toEqual(['fits', 'mark']));
  });
});

describe('POST /batch_events', () => {
  it('publishes ten events in their order, each without its socket_id', async () => {
    const channel = channelName();
    using one = client({ edge: 0 });
    using other = client({ edge: 1 });
    for (const each of [one, other]) await each.subscribe(channel);
    const socket_id = await other.connected();
    const batch = Array.from({ length: 10 }, (_, number) => ({
      channel,
      name: 'e',
      data: number,
      ...(number % 2 === 1 && { socket_id }),
    }));
    expect(await json(backend.triggerBatch(batch))).toEqual({});
    await eventually(() => expect(one.events(channel).map(({ data }) => data)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    await eventually(() => expect(other.events(channel).map(({ data }) => data)).toEqual([0, 2, 4, 6, 8]));
  });

  it('gives the info of each event that asks for it, by its place', async () => {
    const [open, presence] = [channelName(), channelName('presence-')];
    using one = client({ application, user: 'ann' });
    await one.subscribe(open);
    await one.subscribe(presence);
    await eventually(async () =>
      expect(
        await json(
          backend.triggerBatch([
            { channel: open, name: 'e', data: 1, info: 'subscription_count' },
            { channel: open, name: 'e', data: 2 },
            { channel: presence, name: 'e', data: 3, info: 'user_count' },
          ]),
        ),
      ).toEqual({ batch: [{ subscription_count: 1 }, {}, { user_count: 1 }] }),
    );
  });

  it('answers 400 to eleven events and to one that is wrong, and publishes none then', async () => {
    const channel = channelName();
    using one = client();
    await one.subscribe(channel);
    const event = { channel, name: 'e', data: 'd' };
    expect(await refused(backend.triggerBatch(Array.from({ length: 11 }, () => event)))).toMatchObject({ status: 400 });
    expect(await refused(post('/batch_events', { batch: [event, { ...event, channel: 'a b' }] }))).toMatchObject({
      status: 400,
    });
    expect(await refused(post('/batch_events', {}))).toMatchObject({ status: 400 });
    await backend.trigger(channel, 'mark', {});
    await eventually(() => expect(one.events(channel).map(({ event: name }) => name)).toEqual(['mark']));
  });
});

describe('GET /channels', () => {
  it('lists the occupied channels, by prefix, with the users of presence channels', async () => {
    const prefix = channelName('presence-list-');
    const [first, second] = [`${prefix}-a`, `${prefix}-b`];
    using ann = client({ edge: 0, application, user: 'ann' });
    using bob = client({ edge: 1, application, user: 'bob' });
    await ann.subscribe(first);
    await bob.subscribe(first);
    await bob.subscribe(second);
    await eventually(async () =>
      expect(await list({ filter_by_prefix: prefix, info: 'user_count' })).toEqual({
        channels: { [first]: { user_count: 2 }, [second]: { user_count: 1 } },
      }),
    );
    expect(await list({ filter_by_prefix: prefix })).toEqual({ channels: { [first]: {}, [second]: {} } });
    const all = (await list({})) as { channels: Record<string, object> };
    expect(all.channels).toMatchObject({ [first]: {}, [second]: {} });
    expect(Object.keys(all.channels).filter((name) => name.startsWith('#'))).toEqual([]);
    bob.pusher.disconnect();
    await eventually(async () =>
      expect(await list({ filter_by_prefix: prefix, info: 'user_count' })).toEqual({
        channels: { [first]: { user_count: 1 } },
      }),
    );
  });

  it('answers 400 to user_count without the prefix of presence channels', async () => {
    expect(await refused(backend.get({ path: '/channels', params: { info: 'user_count' } }))).toMatchObject({
      status: 400,
    });
  });
});

describe('GET /channels/{channel}', () => {
  it('tells whether it is occupied, and its users or subscribers', async () => {
    const [open, presence, empty] = [channelName(), channelName('presence-'), channelName()];
    using ann = client({ edge: 0, application, user: 'ann' });
    using bob = client({ edge: 1, application, user: 'bob' });
    for (const each of [ann, bob]) {
      await each.subscribe(open);
      await each.subscribe(presence);
    }
    await eventually(async () =>
      expect(await channelInfo(open, 'subscription_count')).toEqual({ occupied: true, subscription_count: 2 }),
    );
    await eventually(async () =>
      expect(await channelInfo(presence, 'user_count')).toEqual({ occupied: true, user_count: 2 }),
    );
    expect(await channelInfo(open)).toEqual({ occupied: true });
    expect(await channelInfo(empty)).toEqual({ occupied: false });
  });

  it('has the last event of a cache channel, or null', async () => {
    const [full, empty] = [channelName('cache-'), channelName('cache-')];
    await backend.trigger(full, 'state', { on: true });
    expect(await channelInfo(full, 'cache')).toEqual({
      occupied: false,
      cache: { data: '{"on":true}', ttl: expect.any(Number) },
    });
    expect(await channelInfo(empty, 'cache')).toMatchObject({ cache: null });
  });

  it('leaves out what a channel of its kind does not have', async () => {
    expect(await channelInfo(channelName(), 'user_count,cache')).toEqual({ occupied: false });
    expect(await channelInfo(channelName('presence-'), 'subscription_count')).toEqual({ occupied: false });
  });

  it('answers 400 to an attribute that there is not', async () => {
    expect(await refused(channelInfo('c', 'colour'))).toMatchObject({ status: 400 });
  });
});

describe('GET /channels/{channel}/users', () => {
  it('lists each user once, over both edges', async () => {
    const channel = channelName('presence-');
    using one = client({ edge: 0, application, user: 'ann' });
    using tab = client({ edge: 1, application, user: 'ann' });
    using seven = client({ edge: 1, application, user: '7' });
    for (const each of [one, tab, seven]) await each.subscribe(channel);
    await eventually(async () => {
      const { users } = (await json(backend.get({ path: `/channels/${channel}/users` }))) as { users: object[] };
      expect(users).toHaveLength(2);
      expect(users).toEqual(expect.arrayContaining([{ id: '7' }, { id: 'ann' }]));
    });
  });

  it('answers 400 for a channel without presence', async () => {
    expect(await refused(backend.get({ path: '/channels/open/users' }))).toMatchObject({ status: 400 });
  });
});

describe('a request', () => {
  it('is taken when it is signed: the unchanged one of the library', async () => {
    expect(await signed()).toEqual({ status: 200, body: {} });
  });

  it('may be signed 10 minutes before or after', async () => {
    for (const late of [-590, 590]) {
      expect(await signed(resigned({ auth_timestamp: seconds(late) }))).toEqual({ status: 200, body: {} });
    }
  });

  it('is signed over what its query means, and not over how it is escaped', async () => {
    const answer = await signed(resigned({ info: 'user_count,subscription_count', note: 'a b&c=ä' }));
    expect(answer.status).toBe(200);
  });

  it.each<[string, () => Record<string, string | undefined>]>([
    ['another signature', () => ({ auth_signature: '0'.repeat(64) })],
    ['no signature', () => ({ auth_signature: undefined })],
    ['an empty signature', () => ({ auth_signature: '' })],
    ['no timestamp', () => ({ auth_timestamp: undefined })],
    ['a parameter that is not signed', () => ({ info: 'user_count' })],
    ['a timestamp of 11 minutes ago', () => resigned({ auth_timestamp: seconds(-660) })],
    ['a timestamp in 11 minutes', () => resigned({ auth_timestamp: seconds(660) })],
    ['a timestamp that is none', () => resigned({ auth_timestamp: 'today' })],
    ['another version', () => resigned({ auth_version: '2.0' })],
    ['the digest of another body', () => resigned({ body_md5: '0'.repeat(32) })],
    ['no digest of its body', () => ({ body_md5: undefined })],
    ['the key of another app', () => resigned({ auth_key: apps.strict.key })],
  ])('is refused with 401 for %s', async (_what, change) => {
    // Made now: its time is that of the test.
    const answer = await signed(change());
    expect(answer).toMatchObject({ status: 401, body: { status: 401, code: expect.any(String) } });
  });

  it('is refused with 401 when its body was changed on the way', async () => {
    const path = `/apps/${appId}/events`;
    const query = backend.createSignedQueryString({
      method: 'POST',
      path,
      body: '{"name":"e","data":"d","channel":"c"}',
    });
    const answer = await fetch(`${controlUrl}${path}?${query}`, {
      method: 'POST',
      body: '{"name":"e","data":"D","channel":"c"}',
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.status).toBe(401);
  });

  it('is refused with 404 for an app that is not there', async () => {
    const other = backendOf(door, { ...apps.main, appId: 'unknown' });
    expect(await refused(other.trigger('c', 'e', {}))).toMatchObject({ status: 404 });
  });

  it('is signed without a prefix of its path, as the PHP library does, or with it', async () => {
    const body = '{"name":"e","data":"d","channels":["c"]}';
    for (const base of ['', '/prefix']) {
      const path = `${base}/apps/${appId}/events`;
      const query = backend.createSignedQueryString({ method: 'POST', path, body });
      const answer = await fetch(`${controlUrl}/prefix/apps/${appId}/events?${query}`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      });
      expect({ base, status: answer.status }).toEqual({ base, status: 200 });
    }
  });
});

describe('GET /up', () => {
  it('answers 200 without a signature, as Reverb does', async () => {
    const answer = await fetch(`${controlUrl}/up`);
    expect({ status: answer.status, body: await answer.json() }).toEqual({ status: 200, body: { health: 'OK' } });
  });
});
