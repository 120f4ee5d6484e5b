import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { eventually } from '@holdfast/testkit/eventually';
import { redisUrl } from '@holdfast/testkit/redis';
import type Pusher from 'pusher';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TemporaryDirectory, temporaryDirectory } from '../e2e/temporary-directory.ts';
import { type Application, startApplication } from './application.ts';
import { Client, channelName } from './client.ts';
import { type Door, startDoor } from './installation.ts';
import { backendOf } from './libraries.ts';

/** A member and a subscriber who leave are waited for a few seconds; then an attempt is made. */
const PATIENT = { timeoutMs: 30_000 };
/** An event that is written arrives in less. */
const SOON = { timeoutMs: 2000 };

interface Arrived {
  readonly headers: IncomingHttpHeaders;
  readonly rawBody: string;
}

let server: Server;
let directory: TemporaryDirectory;
let door: Door;
let backend: Pusher;
let application: Application;
const requests: Arrived[] = [];
/** Answers that are not 2xx, before those that are. */
let failing = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (failing > 0) {
        failing -= 1;
        response.writeHead(503).end();
        return;
      }
      requests.push({ headers: request.headers, rawBody: Buffer.concat(chunks).toString() });
      response.writeHead(200).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/pusher`;
  directory = await temporaryDirectory();
  const file = join(directory.path, 'webhooks.json');
  door = await startDoor({
    redis: { url: redisUrl() },
    env: async ({ main }) => {
      await writeFile(file, JSON.stringify({ endpoints: [{ id: 'pusher', url, format: 'pusher', app: main.appId }] }));
      return { WEBHOOKS_FILE: file, WEBHOOKS_ALLOW_PRIVATE: '1' };
    },
  });
  backend = backendOf(door.urls, door.urls.apps.main);
  application = await startApplication(backend);
  for (const edge of [0, 1]) await eventually(() => hasEvents(edge), PATIENT);
});
afterAll(async () => {
  await application[Symbol.asyncDispose]();
  await door[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});

type HookEvent = Record<string, unknown> & { name: string };

/** What the server library makes of what has arrived: of a channel, each event once. */
function eventsOf(channel: string): HookEvent[] {
  const events = requests.flatMap((request) => {
    const hook = backend.webhook(request);
    expect(hook.isValid()).toBe(true);
    return hook.getEvents() as unknown as HookEvent[];
  });
  return events.filter((event) => event['channel'] === channel);
}

const named = (channel: string, name: string): HookEvent[] => eventsOf(channel).filter((event) => event.name === name);

const open = (edge: number, user: string): Client =>
  new Client({ url: door.urls.edgeUrls[edge] ?? '', key: door.urls.apps.main.key, application, user });

/** Passes once an edge knows what is wanted: what happened there before is no event. */
async function hasEvents(edge: number): Promise<void> {
  const channel = channelName();
  using one = open(edge, 'ann');
  await one.subscribe(channel);
  await eventually(() => expect(eventsOf(channel)).toContainEqual({ name: 'channel_occupied', channel }), SOON);
}

describe('a webhook', () => {
  it('is valid for the server library: key, signature, exact type, time', async () => {
    const channel = channelName();
    using one = open(0, 'ann');
    await one.subscribe(channel);
    await eventually(() => expect(eventsOf(channel)).toContainEqual({ name: 'channel_occupied', channel }), PATIENT);
    const request = requests.find(({ rawBody }) => rawBody.includes(channel));
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json',
      'x-pusher-key': door.urls.apps.main.key,
    });
    const hook = backend.webhook(request ?? { headers: {}, rawBody: '' });
    expect(Math.abs(Date.now() - hook.getTime().getTime())).toBeLessThan(60_000);
    const spoiled = { headers: request?.headers ?? {}, rawBody: `${request?.rawBody} ` };
    expect(backend.webhook(spoiled).isValid()).toBe(false);
  });

  it('tells of channels that are occupied and vacated, once over both edges', async () => {
    const channel = channelName();
    {
      using one = open(0, 'ann');
      await one.subscribe(channel);
      await eventually(() => expect(eventsOf(channel)).toContainEqual({ name: 'channel_occupied', channel }), PATIENT);
      using other = open(1, 'bob');
      await other.subscribe(channel);
      one.pusher.disconnect();
      await backend.trigger(channel, 'mark', {});
      await eventually(() => expect(other.events(channel)).toHaveLength(1));
    }
    await eventually(() => expect(eventsOf(channel)).toContainEqual({ name: 'channel_vacated', channel }), PATIENT);
    expect(named(channel, 'channel_occupied')).toHaveLength(1);
    expect(named(channel, 'channel_vacated')).toHaveLength(1);
  });

  it('tells of members who come and go, a number as text', async () => {
    const channel = channelName('presence-');
    using ann = open(0, 'ann');
    await ann.subscribe(channel);
    await eventually(
      () => expect(eventsOf(channel)).toContainEqual({ name: 'member_added', channel, user_id: 'ann' }),
      PATIENT,
    );
    {
      using seven = open(1, '7');
      await seven.subscribe(channel);
      await eventually(
        () => expect(eventsOf(channel)).toContainEqual({ name: 'member_added', channel, user_id: '7' }),
        PATIENT,
      );
    }
    await eventually(
      () => expect(eventsOf(channel)).toContainEqual({ name: 'member_removed', channel, user_id: '7' }),
      PATIENT,
    );
    expect(named(channel, 'member_added').map((event) => event['user_id'])).toEqual(['ann', '7']);
    expect(named(channel, 'member_removed')).toHaveLength(1);
  });

  it('tells of client events, with the member on presence channels', async () => {
    const [channel, presence] = [channelName('private-'), channelName('presence-')];
    using one = open(0, 'ann');
    const socket_id = await one.connected();
    for (const each of [channel, presence]) (await one.subscribe(each)).trigger('client-typing', { a: 1 });
    const event = { name: 'client_event', event: 'client-typing', data: '{"a":1}', socket_id };
    await eventually(() => expect(eventsOf(channel)).toContainEqual({ ...event, channel }), PATIENT);
    await eventually(
      () => expect(eventsOf(presence)).toContainEqual({ ...event, channel: presence, user_id: 'ann' }),
      PATIENT,
    );
  });

  it('tells of cache channels that had nothing, and of counts of subscribers', async () => {
    const channel = channelName('cache-');
    using one = open(0, 'ann');
    await one.subscribe(channel);
    await eventually(() => expect(eventsOf(channel)).toContainEqual({ name: 'cache_miss', channel }), PATIENT);
    await eventually(
      () => expect(eventsOf(channel)).toContainEqual({ name: 'subscription_count', channel, subscription_count: 1 }),
      PATIENT,
    );
    using other = open(1, 'bob');
    await other.subscribe(channel);
    await eventually(
      () => expect(eventsOf(channel)).toContainEqual({ name: 'subscription_count', channel, subscription_count: 2 }),
      PATIENT,
    );
  });

  it('is sent again until it is taken', async () => {
    const channel = channelName();
    failing = 2;
    using one = open(0, 'ann');
    await one.subscribe(channel);
    await eventually(() => expect(eventsOf(channel)).toContainEqual({ name: 'channel_occupied', channel }), PATIENT);
    expect(failing).toBe(0);
  });
});
