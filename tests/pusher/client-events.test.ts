import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Application, startApplication } from './application.ts';
import { type Client, channelName } from './client.ts';
import type { FrameSocket } from './frames.ts';
import { backendOf } from './libraries.ts';
import { backend, client, door, frames } from './shared.ts';

let application: Application;
beforeAll(async () => {
  application = await startApplication(backend);
});
afterAll(() => application[Symbol.asyncDispose]());

const MAX_A_SECOND = 10;

async function inChannel(channel: string, edge: number, user: string): Promise<Client> {
  const one = client({ edge, application, user });
  await one.subscribe(channel);
  return one;
}

/** A connection that is on a private channel, and sends any bytes. */
async function sender(channel: string, edge = 0): Promise<FrameSocket> {
  const socket = await frames({ edge });
  const id = await socket.established();
  socket.subscribe(channel, { auth: backend.authorizeChannel(id, channel).auth });
  await socket.next('pusher_internal:subscription_succeeded', channel);
  return socket;
}

const pusherError = (code: unknown): object => ({ event: 'pusher:error', data: { code, message: expect.any(String) } });

describe('a client event', () => {
  it.each(['private-', 'presence-', 'private-cache-', 'presence-cache-'])(
    'on %s goes to all others on both edges, and not to its sender',
    async (prefix) => {
      const channel = channelName(prefix);
      using from = await inChannel(channel, 0, 'ann');
      using near = await inChannel(channel, 0, 'bob');
      using far = await inChannel(channel, 1, 'cid');
      const users: unknown[] = [];
      far.pusher.channel(channel).bind('client-typing', (_: unknown, metadata: unknown) => users.push(metadata));
      from.pusher.channel(channel).trigger('client-typing', { a: 1 });
      far.pusher.channel(channel).trigger('client-answer', {});
      const isPresence = prefix.startsWith('presence-');
      const typing = { event: 'client-typing', channel, data: { a: 1 }, ...(isPresence && { user_id: 'ann' }) };
      const answer = { event: 'client-answer', channel, data: {}, ...(isPresence && { user_id: 'cid' }) };
      await eventually(() => expect(near.events(channel)).toEqual(expect.arrayContaining([typing, answer])));
      expect(near.events(channel)).toHaveLength(2);
      await eventually(() => expect(far.events(channel)).toEqual([typing]));
      await eventually(() => expect(from.events(channel)).toEqual([answer]));
      expect(users).toEqual(isPresence ? [{ user_id: 'ann' }] : [{}]);
    },
  );

  it('is relayed byte for byte', async () => {
    const channel = channelName('private-');
    using from = await sender(channel, 0);
    using to = await sender(channel, 1);
    const data = '{ "a":1.0, "b":"\\u00e9", "c":[ ] }';
    from.send(`{"event":"client-x","channel":"${channel}","data":${data}}`);
    await to.next('client-x');
    expect(to.texts.at(-1)).toContain(`"data":${data}`);
    from.send(`{"event":"client-x","channel":"${channel}","data":"text"}`);
    expect(await to.next('client-x')).toEqual({ event: 'client-x', channel, data: 'text' });
  });

  it('keeps its place among the events of the backend', async () => {
    const channel = channelName('private-');
    using from = await inChannel(channel, 0, 'ann');
    using near = await inChannel(channel, 0, 'bob');
    using far = await inChannel(channel, 1, 'cid');
    for (let number = 0; number < MAX_A_SECOND; number += 1) {
      await backend.trigger(channel, 'server', number);
      from.pusher.channel(channel).trigger('client-own', number);
    }
    await eventually(() => expect(near.events(channel)).toHaveLength(2 * MAX_A_SECOND));
    await eventually(() => expect(far.events(channel)).toHaveLength(2 * MAX_A_SECOND));
    expect(far.events(channel)).toEqual(near.events(channel));
    await eventually(() => expect(from.events(channel)).toHaveLength(MAX_A_SECOND));
  });

  it('is refused where there are none, the connection goes on, and no other gets it', async () => {
    const channels = { open: channelName(), sealed: channelName('private-encrypted-'), other: channelName('private-') };
    using one = await frames();
    const id = await one.established();
    one.subscribe(channels.open);
    one.subscribe(channels.sealed, { auth: backend.authorizeChannel(id, channels.sealed).auth });
    await one.next('pusher_internal:subscription_succeeded', channels.sealed);
    using listener = await sender(channels.other);
    using reader = client();
    await reader.subscribe(channels.open);
    const before = one.frames.length;
    for (const channel of Object.values(channels)) one.send({ event: 'client-x', channel, data: {} });
    one.send({ event: 'client-x', data: {} });
    one.send({ event: 'pusher:ping', data: {} });
    await one.next('pusher:pong');
    const answers = one.frames.slice(before, -1);
    expect(answers).toHaveLength(4);
    for (const answer of answers) expect(answer).toMatchObject(pusherError(expect.anything()));
    await backend.trigger([channels.open, channels.other], 'mark', {});
    await listener.next('mark');
    await eventually(() => expect(reader.events(channels.open).map(({ event }) => event)).toEqual(['mark']));
    expect(listener.frames.map(({ event }) => event)).not.toContain('client-x');
  });

  it('is refused by an app that allows none', async () => {
    const channel = channelName('private-');
    const strict = backendOf(door, door.apps.strict);
    using one = client({
      app: 'strict',
      channelAuthorization: {
        customHandler: ({ socketId, channelName: name }, callback) =>
          callback(null, strict.authorizeChannel(socketId, name)),
      },
    });
    (await one.subscribe(channel)).trigger('client-x', {});
    await eventually(() =>
      expect(one.errors).toEqual([
        { type: 'PusherError', data: { code: expect.anything(), message: expect.any(String) } },
      ]),
    );
    expect(one.pusher.connection.state).toBe('connected');
  });

  it('is refused beyond ten a second with 4301, which pusher-js reports and nothing more', async () => {
    const channel = channelName('private-');
    using from = await inChannel(channel, 0, 'ann');
    using to = await inChannel(channel, 1, 'bob');
    for (let number = 0; number < 3 * MAX_A_SECOND; number += 1) {
      from.pusher.channel(channel).trigger('client-many', number);
    }
    const refused = () => from.frames('pusher:error').length;
    await eventually(() => expect(refused() + to.events(channel).length).toBe(3 * MAX_A_SECOND));
    expect(to.events(channel).length).toBeGreaterThanOrEqual(MAX_A_SECOND);
    expect(refused()).toBeGreaterThanOrEqual(MAX_A_SECOND);
    expect(from.errors[0]).toEqual({ type: 'PusherError', data: { code: 4301, message: expect.any(String) } });
    expect(from.states).toEqual(['connecting', 'connected']);
    await backend.trigger(channel, 'mark', {});
    await eventually(() => expect(from.events(channel)).toHaveLength(1));
  });

  it('is refused beyond 10 kB of data and 200 characters of name', async () => {
    const channel = channelName('private-');
    using from = await sender(channel, 0);
    using to = await sender(channel, 1);
    const send = (event: string, length: number) => from.send({ event, channel, data: 'x'.repeat(length) });
    send('client-long', 11 * 1024);
    send(`client-${'n'.repeat(200)}`, 1);
    send('client-fits', 9 * 1024);
    await to.next('client-fits');
    await from.next('pusher:error');
    await from.next('pusher:error');
    expect(to.frames.filter(({ event }) => event.startsWith('client-'))).toHaveLength(1);
  });
});
