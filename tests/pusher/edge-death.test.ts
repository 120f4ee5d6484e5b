import { setTimeout as delay } from 'node:timers/promises';
import { startTcpProxy } from '@holdfast/local/tcp-proxy';
import { eventually } from '@holdfast/testkit/eventually';
import { redisUrl } from '@holdfast/testkit/redis';
import type { PresenceChannel } from 'pusher-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Application, startApplication } from './application.ts';
import { Client, channelName, membersOf } from './client.ts';
import { Member, faultOf } from './crowd.ts';
import { type Door, startDoor } from './installation.ts';
import { backendOf } from './libraries.ts';

/** The lease of a dead edge runs out after 10 s; then the reaper looks. */
const PATIENT = { timeoutMs: 40_000 };
const CROWD = 2000;
const CHANNELS = 20;
/** Between two events of each channel: 10,000 deliveries a second. */
const PUBLISH_EVERY_MS = 200;
/** Of a failure as many are shown. */
const FEW = 5;
/** What a client may need to be back: one attempt, and one more if the edge had it wait too long. */
const MAX_HANDSHAKES = 2;

let door: Door;
let application: Application;
beforeAll(async () => {
  door = await startDoor({ redis: { url: redisUrl() } });
  application = await startApplication(backendOf(door.urls, door.urls.apps.main));
});
afterAll(async () => {
  await application[Symbol.asyncDispose]();
  await door[Symbol.asyncDispose]();
});

const portOf = (url = ''): number => Number(new URL(url).port);
const edgeUrl = (edge: number): string => door.urls.edgeUrls[edge] ?? '';

describe('a kill -9 of an edge', () => {
  it('brings pusher-js back on another one after a second, and removes no member who came back', async () => {
    const { apps, edgeUrls } = door.urls;
    const backend = backendOf(door.urls, apps.main);
    const { key } = apps.main;
    // What stands before the edges, and knows which one lives.
    const target = { port: portOf(edgeUrls[0]) };
    await using running = new AsyncDisposableStack();
    const balancer = await startTcpProxy(target);
    running.defer(balancer.stop);
    const channel = channelName('presence-');
    const open = (url: string, user: string) => new Client({ url, key, application, user });
    using watcher = open(edgeUrl(1), 'watcher');
    const watched = await watcher.join(channel);
    const returning = ['ann', 'bob', '7'].map((user) => open(balancer.url('ws'), user));
    // One whose page is closed in that moment, and one who has a tab on the other edge as well.
    using gone = open(edgeUrl(0), 'gone');
    using tab = open(edgeUrl(0), 'both');
    using otherTab = open(edgeUrl(1), 'both');
    for (const each of [...returning, gone, tab, otherTab]) await each.join(channel);
    const all = ['7', 'ann', 'bob', 'both', 'gone', 'watcher'];
    await eventually(() => expect(membersOf(watched)).toEqual(all));

    const [edge] = door.installation.edges;
    target.port = portOf(edgeUrls[1]);
    edge?.kill('SIGKILL');
    await edge?.exited;
    for (const each of [gone, tab]) each.pusher.disconnect();
    for (const each of returning) {
      await eventually(() => expect(each.states.slice(2)).toEqual(['connecting', 'connected']), PATIENT);
      expect(each.retries).toEqual([1]);
      const members = each.pusher.channel(channel) as PresenceChannel;
      await eventually(() => expect(members.subscribed).toBe(true));
      expect(membersOf(members)).toEqual(expect.arrayContaining(['7', 'ann', 'bob', 'both', 'watcher']));
    }
    const removed = () =>
      watcher
        .frames('pusher_internal:member_removed', channel)
        .map(({ data }) => (data as { user_id: unknown }).user_id);
    await eventually(() => expect(removed()).toEqual(['gone']), PATIENT);
    // Whatever is still on its way comes before the mark.
    await backend.trigger(channel, 'mark', {});
    for (const each of [watcher, ...returning]) await eventually(() => expect(each.events(channel)).toHaveLength(1));
    expect(removed()).toEqual(['gone']);
    const left = all.filter((user) => user !== 'gone');
    expect(membersOf(watched)).toEqual(left);
    for (const each of returning) {
      expect(membersOf(each.pusher.channel(channel) as PresenceChannel)).toEqual(left);
      each.pusher.disconnect();
    }
    // Those who were there all the time were added once.
    const added = watcher.frames('pusher_internal:member_added', channel).length;
    expect(added).toBe(all.length - 1);
    await edge?.startAgain();
  });

  it('brings 2,000 clients back on the other edge, in one handshake each and with nothing lost after it', async () => {
    const { apps } = door.urls;
    const backend = backendOf(door.urls, apps.main);
    const [dying, other] = door.installation.edges;
    await eventually(async () => expect(await dying?.isReady()).toBe(true), PATIENT);
    const channels = Array.from({ length: CHANNELS }, () => channelName());
    let published = 0;
    let at = edgeUrl(0);
    const options = { key: apps.main.key, url: () => at, published: () => published };
    const crowd = Array.from(
      { length: CROWD },
      (_, index) => new Member({ ...options, channel: channels[index % CHANNELS] ?? '' }),
    );
    await using stack = new AsyncDisposableStack();
    stack.defer(() => crowd.forEach((member) => member.stop()));
    const away = () => crowd.filter((member) => !member.isSubscribed).length;
    await eventually(() => expect(away()).toBe(0), PATIENT);

    const ending = new AbortController();
    const publishing = (async () => {
      while (!ending.signal.aborted) {
        published += 1;
        await backend.trigger(channels, 'number', published - 1);
        await delay(PUBLISH_EVERY_MS);
      }
    })();
    stack.defer(() => ending.abort());
    const some = () => eventually(() => expect(published).toBeGreaterThan(5), PATIENT);
    await some();
    at = edgeUrl(1);
    dying?.kill('SIGKILL');
    await eventually(() => expect(crowd.filter(({ lives }) => lives.length < 2).length).toBe(0), PATIENT);
    await eventually(() => expect(away()).toBe(0), PATIENT);
    const back = published;
    await eventually(() => expect(published).toBeGreaterThan(back + 5), PATIENT);
    ending.abort();
    await publishing;
    const last = published - 1;
    await eventually(() => {
      const late = crowd.filter(({ life }) => life?.received.at(-1) !== last);
      // What became of their connections says why.
      expect(late.slice(0, FEW).map(({ lives }) => lives.map(({ ended }) => ended))).toEqual([]);
    }, PATIENT);

    const faults = crowd.flatMap(({ lives, life }) =>
      lives.flatMap((each) => faultOf(each, each === life ? last : null) ?? []),
    );
    expect([...new Set(faults)]).toEqual([]);
    expect(crowd.flatMap(({ stopped }) => stopped ?? [])).toEqual([]);
    // The first, and those after the kill.
    const handshakes = crowd.reduce((sum, { lives }) => sum + lives.length - 1, 0);
    expect(handshakes).toBeGreaterThanOrEqual(CROWD);
    expect(Math.max(...crowd.map(({ lives }) => lives.length - 1))).toBeLessThanOrEqual(MAX_HANDSHAKES);
    expect(handshakes).toBeLessThanOrEqual(CROWD * 1.1);
    expect(await other?.isReady()).toBe(true);
  });
});
