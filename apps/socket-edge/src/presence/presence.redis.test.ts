import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { redisKeys } from '@holdfast/broker/keys';
import { repeat } from '@holdfast/service/backoff';
import { DEFAULT_PRESENCE } from '@holdfast/protocol/limits';
import { eventually } from '@holdfast/testkit/eventually';
import { prefix, redisUrl } from '@holdfast/testkit/redis';
import { type TestSocket, openSocket } from '@holdfast/testkit/socket';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Control, startControl } from '../testing/control.ts';
import { type RunningEdge, startEdge } from '../testing/running-edge.ts';
import { shownMembers } from '../testing/shown-members.ts';

const mine = prefix();
const WATCHING = { query: { presence: '1' } };
const GRACE_MS = 1000;
/** The contract's bound for a crash, and for a Redis that lost its data. */
const RIGHT_WITHIN_MS = 15_000;
const SOON = { timeoutMs: 40_000 };
const TURN_MS = 10;
/** Longer than a change waits, and a grace lasts. */
const SETTLED_MS = GRACE_MS + 1500;

let control: Control;
let edges: [RunningEdge, RunningEdge];
let stopReaping: () => void;

beforeAll(async () => {
  control = await startControl(redisUrl(), mine);
  const options = { redisUrl: redisUrl(), prefix: mine };
  edges = [await startEdge(options), await startEdge(options)];
  stopReaping = repeat(async () => void (await control.broker.reapPresence()), {
    intervalMs: 500,
    onError: () => undefined,
  });
});
afterAll(async () => {
  stopReaping();
  await Promise.all(edges.map((edge) => edge.stop()));
  await control.stop();
});

/** Counts milliseconds by turns of a timer: those in which the machine has no time for this process are left out. */
function startClock(): () => number {
  let ms = 0;
  const timer = setInterval(() => (ms += TURN_MS), TURN_MS);
  onTestFinished(() => clearInterval(timer));
  return () => ms;
}

async function room(settings: Partial<typeof DEFAULT_PRESENCE> | object = {}): Promise<string> {
  const topic = randomUUID();
  await control.broker.putTopic(topic, {
    presence: { ...DEFAULT_PRESENCE, graceSeconds: GRACE_MS / 1000, ...settings },
  });
  return topic;
}

function register(topic: string, user: string | null, info: string | null = null): Promise<string> {
  return control.register([topic], randomUUID(), { user, info, seesPresence: [['**']] });
}

async function join(edge: RunningEdge, topic: string, user: string | null, info: string | null = null) {
  const client = await register(topic, user, info);
  const socket = await openSocket(edge.url, { client });
  await socket.next('welcome');
  return { client, socket };
}

async function watch(edge: RunningEdge, topic: string, user: string): Promise<TestSocket> {
  const socket = await openSocket(edge.url, { client: await register(topic, user), ...WATCHING });
  await socket.next('welcome');
  return socket;
}

const shown = (socket: TestSocket, topic: string) => shownMembers(socket, topic);

async function isShown(
  sockets: readonly TestSocket[],
  topic: string,
  users: readonly string[],
  wait: { timeoutMs?: number } = {},
) {
  await eventually(() => {
    for (const socket of sockets) expect(Object.keys(shown(socket, topic)).toSorted()).toEqual([...users].toSorted());
  }, wait);
}

const changes = (socket: TestSocket) =>
  socket.frames.filter(({ type, joined }) => type === 'presence' && joined).length;

describe('presence over two edges', () => {
  it('shows members of both on both, and to callers, with what is known of them', async () => {
    const topic = await room();
    const watchers = [await watch(edges[0], topic, 'w0'), await watch(edges[1], topic, 'w1')];
    const { socket: ann } = await join(edges[0], topic, 'ann', '{"age":7}');
    const { socket: nobody } = await join(edges[1], topic, null);
    await eventually(async () => {
      const page = await control.broker.readPresence(topic, null, 100);
      expect(page?.count).toBe(4);
      expect(page?.members.find(({ id }) => id === 'ann')).toEqual({ id: 'ann', info: '{"age":7}' });
      const anonymous = page?.members.find(({ id }) => id.startsWith('~'));
      expect(anonymous?.id).toMatch(/^~[0-9a-f]{16}$/);
      await isShown(watchers, topic, ['w0', 'w1', 'ann', anonymous?.id ?? '']);
    });
    expect((shown(watchers[0] as TestSocket, topic) as Record<string, unknown>)['ann']).toEqual({ age: 7 });
    await Promise.all([ann.close(), nobody.close()]);
    await isShown(watchers, topic, ['w0', 'w1']);
  });

  it('has one member for all connections of a user: a second one is no join, its end no leave', async () => {
    const topic = await room();
    const watcher = await watch(edges[0], topic, 'w');
    const { socket: first } = await join(edges[0], topic, 'ann');
    await isShown([watcher], topic, ['w', 'ann']);
    const before = changes(watcher);
    const { socket: here } = await join(edges[0], topic, 'ann');
    const { socket: there } = await join(edges[1], topic, 'ann');
    await delay(SETTLED_MS);
    await Promise.all([first.close(), here.close()]);
    await delay(SETTLED_MS);
    expect(changes(watcher)).toBe(before);
    await there.close();
    await isShown([watcher], topic, ['w']);
    expect(changes(watcher)).toBe(before + 1);
  });

  it('takes a resume within the grace for neither a leave nor a join, on whichever edge', async () => {
    const topic = await room({ graceSeconds: 6 });
    const watcher = await watch(edges[0], topic, 'w');
    const { client, socket } = await join(edges[0], topic, 'ann');
    const { socket: bob } = await join(edges[0], topic, 'bob');
    await isShown([watcher], topic, ['w', 'ann', 'bob']);
    const before = changes(watcher);
    let present = socket;
    const guests: string[] = [];
    for (const edge of [edges[1], edges[0], edges[0]]) {
      present.terminate();
      await eventually(async () => expect((await control.broker.readClient(client))?.owner).toBeNull());
      // What changed at any edge until now is published before who comes now, or with it.
      for (const other of edges) {
        guests.push(`guest-${guests.length}`);
        await join(other, topic, guests.at(-1) ?? '');
        await isShown([watcher], topic, ['w', 'ann', 'bob', ...guests]);
      }
      present = await openSocket(edge.url, { client, resume: true });
      present.send({ type: 'resume', positions: {} });
      await present.next('welcome');
    }
    // His grace ends after those of ann would have.
    bob.terminate();
    await isShown([watcher], topic, ['w', 'ann', ...guests], SOON);
    expect(changes(watcher)).toBe(before + guests.length + 1);
    present.terminate();
    await isShown([watcher], topic, ['w', ...guests], SOON);
  }, 60_000);

  it('shows no member of an edge that died 15 s later, and leaves those that are back', async () => {
    const topic = await room();
    const dying = await startEdge({ redisUrl: redisUrl(), prefix: mine });
    const watcher = await watch(edges[0], topic, 'w');
    await join(dying, topic, 'ann');
    const { client: bob } = await join(dying, topic, 'bob');
    await isShown([watcher], topic, ['w', 'ann', 'bob']);
    const waitedMs = startClock();
    await dying.crash();
    const back = await openSocket(edges[1].url, { client: bob });
    await back.next('welcome');
    await isShown([watcher], topic, ['w', 'bob'], SOON);
    expect(waitedMs()).toBeLessThan(RIGHT_WITHIN_MS);
    const page = await control.broker.readPresence(topic, null, 100);
    expect(page?.members.map(({ id }) => id).toSorted()).toEqual(['bob', 'w']);
    const left = watcher.frames.flatMap(({ left: ids }) => (ids as string[] | undefined) ?? []);
    expect(left).toEqual(['ann']);
  }, 60_000);

  it('keeps members of an edge that leaves in order for their grace', async () => {
    const topic = await room({ graceSeconds: 8 });
    const leaving = await startEdge({ redisUrl: redisUrl(), prefix: mine });
    const watcher = await watch(edges[0], topic, 'w');
    const { client } = await join(leaving, topic, 'ann');
    await join(leaving, topic, 'bob');
    await isShown([watcher], topic, ['w', 'ann', 'bob']);
    await leaving.stop();
    await delay(1000);
    const again = await openSocket(edges[1].url, { client, resume: true });
    again.send({ type: 'resume', positions: {} });
    await again.next('welcome');
    await isShown([watcher], topic, ['w', 'ann'], SOON);
    const left = watcher.frames.flatMap(({ left: ids }) => (ids as string[] | undefined) ?? []);
    expect(left).toEqual(['bob']);
    await again.close();
  }, 60_000);

  it('is right again within 15 s when Redis has lost what it had of it', async () => {
    const topic = await room();
    const watchers = [await watch(edges[0], topic, 'w0'), await watch(edges[1], topic, 'w1')];
    const { socket: ann } = await join(edges[0], topic, 'ann');
    await isShown(watchers, topic, ['w0', 'w1', 'ann']);
    const keys = redisKeys(mine);
    const ids = edges.map(({ id }) => id);
    const waitedMs = startClock();
    await control.redis.unlink(keys.topicHere(topic));
    await control.redis.unlink(keys.topicHereNext(topic));
    for (const id of ids) await control.redis.unlink(keys.topicHereOf(topic, id));
    for (const id of ids) await control.redis.unlink(keys.edgeHere(id));
    await ann.close();
    await eventually(async () => {
      const page = await control.broker.readPresence(topic, null, 100);
      expect(page?.members.map(({ id }) => id).toSorted()).toEqual(['w0', 'w1']);
      expect(await control.redis.sismember(keys.edgeHere(ids[0] ?? ''), topic)).toBe(1);
    }, SOON);
    await isShown(watchers, topic, ['w0', 'w1'], SOON);
    expect(waitedMs()).toBeLessThan(RIGHT_WITHIN_MS);
  }, 60_000);

  it('follows the settings of its topic: off, on again, by client, only the number', async () => {
    const topic = await room();
    const watcher = await watch(edges[0], topic, 'w');
    const { socket } = await join(edges[1], topic, 'ann');
    await isShown([watcher], topic, ['w', 'ann']);
    await control.broker.putTopic(topic, { presence: null });
    await eventually(async () => expect(await control.broker.readPresence(topic, null, 100)).toBeNull());
    const before = watcher.frames.length;
    await delay(500);
    expect(watcher.frames).toHaveLength(before);
    await control.broker.putTopic(topic, { presence: { ...DEFAULT_PRESENCE } });
    await isShown([watcher], topic, ['w', 'ann'], SOON);
    await control.broker.putTopic(topic, { presence: { ...DEFAULT_PRESENCE, by: 'client' } });
    await eventually(() => {
      const ids = Object.keys(shown(watcher, topic));
      expect(ids).toHaveLength(2);
      for (const id of ids) expect(id).toMatch(/^~/);
    }, SOON);
    await control.broker.putTopic(topic, { presence: { ...DEFAULT_PRESENCE, by: 'client', show: 'count' } });
    await eventually(() => expect(shown(watcher, topic)).toBe(2), SOON);
    await socket.close();
    await eventually(() => expect(shown(watcher, topic)).toBe(1), SOON);
  }, 60_000);
});

describe('a close frame', () => {
  it.each([
    ['1000, on purpose, ends its member at once', 1000, ['w']],
    ['1001, as of a page that is left, keeps it for the grace', 1001, ['ann', 'w']],
  ] as const)('of %s', async (_, code, left) => {
    const topic = await room({ graceSeconds: 60 });
    const watcher = await watch(edges[0], topic, 'w');
    const { socket } = await join(edges[0], topic, 'ann');
    await isShown([watcher], topic, ['w', 'ann']);
    await socket.close(code);
    await delay(SETTLED_MS);
    // The grace of a minute is not over: only an end at once is shown.
    await eventually(() => expect(Object.keys(shown(watcher, topic)).toSorted()).toEqual(left));
  });
});

describe('a Redis that lost its data, with the secret of refs', () => {
  it('has every client under one name, its ref, on both edges, whoever made the secret', async () => {
    const own = prefix();
    const other = await startControl(redisUrl(), own);
    const pair = [
      await startEdge({ redisUrl: redisUrl(), prefix: own }),
      await startEdge({ redisUrl: redisUrl(), prefix: own }),
    ] as const;
    const topic = randomUUID();
    const settings = { presence: { ...DEFAULT_PRESENCE, by: 'client' as const, graceSeconds: GRACE_MS / 1000 } };
    await other.broker.putTopic(topic, settings);
    const identity = { user: null, seesPresence: [['**']] };
    const clients = await Promise.all(Array.from({ length: 4 }, () => other.register([topic], randomUUID(), identity)));
    const sockets: TestSocket[] = [];
    for (const [index, client] of clients.entries()) {
      const socket = await openSocket((pair[index % 2] ?? pair[0]).url, { client, ...WATCHING });
      await socket.next('welcome');
      sockets.push(socket);
    }
    const named = async () => (await other.broker.refsOf(clients)).map((ref) => `~${ref}`);
    const before = await named();
    await isShown(sockets, topic, before);
    // One that is earlier than any: all take it.
    await other.redis.set(redisKeys(own).secret(), randomBytes(32).toString('base64'));
    await eventually(async () => expect(await named()).not.toEqual(before), SOON);
    await isShown(sockets, topic, await named(), SOON);
    const page = await other.broker.readPresence(topic, null, 100);
    expect(page?.members.map(({ id }) => id).toSorted()).toEqual((await named()).toSorted());
    expect(page?.count).toBe(clients.length);
    for (const socket of sockets) socket.terminate();
    await Promise.all(pair.map((edge) => edge.stop()));
    await other.stop();
  }, 60_000);

  it('shows a client under two names not for long, however long the grace of an earlier connection', async () => {
    const own = prefix();
    const other = await startControl(redisUrl(), own);
    const first = await startEdge({ redisUrl: redisUrl(), prefix: own });
    const topic = randomUUID();
    await other.broker.putTopic(topic, { presence: { ...DEFAULT_PRESENCE, by: 'client', graceSeconds: 60 } });
    const identity = { user: null, seesPresence: [['**']] };
    const clients = [
      await other.register([topic], randomUUID(), identity),
      await other.register([topic], randomUUID(), identity),
    ];
    const [client = '', watching = ''] = clients;
    const watcher = await openSocket(first.url, { client: watching, ...WATCHING });
    const lost = await openSocket(first.url, { client });
    const named = async () => (await other.broker.refsOf(clients)).map((ref) => `~${ref}`);
    const before = await named();
    await isShown([watcher], topic, before);
    await other.redis.set(redisKeys(own).secret(), randomBytes(32).toString('base64'));
    // It knows no other secret.
    const second = await startEdge({ redisUrl: redisUrl(), prefix: own });
    lost.terminate();
    const back = await openSocket(second.url, { client, resume: true, ...WATCHING });
    back.send({ type: 'resume', positions: {} });
    await back.next('welcome');
    await eventually(async () => expect(await named()).not.toEqual(before), SOON);
    await isShown([watcher, back], topic, await named(), SOON);
    for (const socket of [watcher, back]) socket.terminate();
    await Promise.all([first.stop(), second.stop()]);
    await other.stop();
  }, 60_000);
});

describe('a connection of a user', () => {
  it('receives what is published to the user, as @user, also after a resume', async () => {
    const user = `ann.*{user}:${randomUUID()}`;
    const client = await control.register([], randomUUID(), { user });
    const other = await control.register([], randomUUID(), { user });
    const socket = await openSocket(edges[0].url, { client });
    expect(await socket.next('welcome')).toMatchObject({ topics: { '@user': {} } });
    const there = await openSocket(edges[1].url, { client: other });
    await there.next('welcome');
    const outcome = await control.broker.publishToUser(user, { data: Buffer.from('1') });
    const id = outcome.kind === 'published' ? outcome.id : '';
    for (const one of [socket, there]) {
      expect(await one.next('message')).toEqual({ type: 'message', topic: '@user', id, data: 1 });
    }
    socket.terminate();
    await control.broker.publishToUser(user, { data: Buffer.from('2') });
    const again = await openSocket(edges[1].url, { client, resume: true });
    again.send({ type: 'resume', positions: { '@user': id } });
    expect(await again.next('welcome')).toMatchObject({ topics: { '@user': { recovered: true } } });
    expect(await again.next('message')).toMatchObject({ topic: '@user', data: 2 });
    await again.close();
  });

  it('is closed with 4401 within a second when its tokens are revoked, and not let in again', async () => {
    const token = { expiresAt: Date.now() + 600_000, issuedAt: Date.now() - 1000, topics: [] };
    const client = await control.register([], randomUUID(), { user: randomUUID(), token });
    const socket = await openSocket(edges[0].url, { client });
    expect((await socket.next('welcome'))['expiresInMs']).toBeGreaterThan(500_000);
    const waitedMs = startClock();
    expect(await control.broker.revokeClient(client, Date.now())).toBe(true);
    expect(await socket.closed).toEqual({ code: 4401, reason: 'authorization expired' });
    expect(waitedMs()).toBeLessThan(1000);
    await expect(openSocket(edges[1].url, { client })).rejects.toMatchObject({
      status: 403,
      body: expect.stringContaining('token-revoked') as string,
    });
  });
});

describe('at random over two edges', () => {
  it('every map equals the truth at the end, and never holes', async () => {
    const topic = await room({ limit: 40 });
    const watchers = [await watch(edges[0], topic, 'w0'), await watch(edges[1], topic, 'w1')];
    const users = Array.from({ length: 30 }, (_, index) => `u${index}`);
    const clients = await Promise.all(users.map((user) => register(topic, user, '"'.padEnd(500, 'x') + '"')));
    const open = new Map<string, TestSocket>();
    // Of two at a time each has users of its own: who closes which connection of one user is known so.
    const step = async (half: 0 | 1) => {
      const index = 2 * Math.floor((Math.random() * users.length) / 2) + half;
      const [user = '', client = ''] = [users[index], clients[index]];
      const socket = open.get(user);
      const edge = edges[Math.random() < 0.5 ? 0 : 1];
      const dice = Math.random();
      if (socket === undefined || dice < 0.3) {
        const resume = dice > 0.2;
        const made = await openSocket(edge.url, { client, resume, ...(dice < 0.1 ? WATCHING : {}) });
        if (resume) made.send({ type: 'resume', positions: {} });
        open.set(user, made);
        // Should the newer one end before its edge knows of it, the earlier one goes on.
        await socket?.closed;
      } else if (dice < 0.65) {
        open.delete(user);
        await socket.close();
      } else {
        open.delete(user);
        socket.terminate();
      }
    };
    for (let round = 0; round < 150; round += 1) {
      await Promise.all([step(0), step(1)]);
      if (round % 10 === 0) await delay(Math.random() * 300);
    }
    const truth = ['w0', 'w1', ...open.keys()];
    await isShown(watchers, topic, truth, SOON);
    const page = await control.broker.readPresence(topic, null, 100);
    expect(page?.members.map(({ id }) => id).toSorted()).toEqual(truth.toSorted());
    for (const socket of open.values()) socket.terminate();
  }, 60_000);
});
