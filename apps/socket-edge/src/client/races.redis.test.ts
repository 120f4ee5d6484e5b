import { connectionName } from '@holdfast/broker/client-state';
import { eventually } from '@holdfast/testkit/eventually';
import { prefix, redisUrl } from '@holdfast/testkit/redis';
import { type Frame, HandshakeRefused, type TestSocket, openSocket } from '@holdfast/testkit/socket';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Control, startControl } from '../testing/control.ts';
import { type RunningEdge, startEdge } from '../testing/running-edge.ts';

const mine = prefix();
/** Rounds that run side by side, so that they also get in each other's way. */
const LANES = 20;
const TIMEOUT_MS = 90_000;

let control: Control;
let edges: [RunningEdge, RunningEdge];

beforeAll(async () => {
  control = await startControl(redisUrl(), mine);
  const common = { redisUrl: redisUrl(), prefix: mine };
  edges = [await startEdge(common), await startEdge(common)];
});
afterAll(async () => {
  await Promise.all(edges.map((edge) => edge.stop()));
  await control.stop();
});

const edgeOf = (number: number) => edges[number % 2] as RunningEdge;

/** Runs so many rounds, some side by side. */
async function rounds(count: number, round: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      next += 1;
      await round(next - 1);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function connected(client: string, edge: RunningEdge): Promise<TestSocket> {
  const socket = await openSocket(edge.url, { client });
  await socket.next('welcome');
  return socket;
}

/** Until the edge has worked off what it was sent before. */
async function answered(socket: TestSocket): Promise<void> {
  socket.send({ type: 'ping' });
  await socket.next('pong');
}

const messageIds = (frames: readonly Frame[]) =>
  frames.flatMap((frame) => (frame.type === 'message' ? [String(frame['id'])] : []));

const idsOf = (socket: TestSocket, topic: string) =>
  messageIds(socket.frames.filter((frame) => frame['topic'] === topic));

/** Who owns the client, written as the welcome of a connection writes it. */
async function ownerOf(client: string): Promise<string | null> {
  const owner = (await control.broker.readClient(client))?.owner;
  return owner ? `${owner.edge}-${connectionName(owner.generation)}` : null;
}

describe('subscribe against publish', () => {
  it('what is published right after the answer is received, 1,000 of 1,000', { timeout: TIMEOUT_MS }, async () => {
    const clients = await Promise.all(Array.from({ length: LANES }, () => control.register()));
    const sockets = await Promise.all(clients.map((client, index) => connected(client, edgeOf(index))));
    const wanted = new Map<TestSocket, string[]>(sockets.map((socket) => [socket, []]));
    await rounds(1000, async (number) => {
      const [client, socket] = [clients[number % LANES] ?? '', sockets[number % LANES] as TestSocket];
      const topic = `fresh-${number}`;
      await control.topics(topic);
      await control.subscribe(client, topic);
      wanted.get(socket)?.push(await control.publish(topic, String(number)));
    });
    for (const [socket, ids] of wanted) {
      await eventually(() => expect(messageIds(socket.frames)).toHaveLength(ids.length));
      expect(new Set(messageIds(socket.frames))).toEqual(new Set(ids));
      socket.terminate();
    }
  });

  it(
    'also on a topic that others hear, left and taken up again, and nothing of the time between',
    { timeout: TIMEOUT_MS },
    async () => {
      const TIMES = 25;
      await control.topics('shared');
      await rounds(LANES, async (number) => {
        const client = await control.register();
        const socket = await connected(client, edgeOf(number));
        for (let time = 0; time < TIMES; time += 1) {
          await control.subscribe(client, 'shared');
          const id = await control.publish('shared', String(time));
          await socket.next((frame) => frame['id'] === id);
          await control.unsubscribe(client, 'shared');
          await socket.next('unsubscribed');
          const seen = idsOf(socket, 'shared').length;
          await control.publish('shared', '"not for it"');
          await answered(socket);
          expect(idsOf(socket, 'shared')).toHaveLength(seen);
        }
        const ids = idsOf(socket, 'shared');
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids).toEqual(ids.toSorted(byPosition));
        socket.terminate();
      });
    },
  );
});

describe('subscribe against connect', () => {
  it.each([false, true])(
    'both together end in a subscription (resume: %s)',
    { timeout: TIMEOUT_MS },
    async (resume) => {
      await rounds(300, async (number) => {
        const topic = `meet-${resume}-${number % 30}`;
        await control.topics(topic);
        const client = await control.register();
        const connect = async () => {
          const made = await openSocket(edgeOf(number).url, { client, resume });
          if (resume) made.send({ type: 'resume', positions: {} });
          await made.next('welcome');
          return made;
        };
        const [socket] = await Promise.all([connect(), control.subscribe(client, topic)]);
        const id = await control.publish(topic, '1');
        expect(await socket.next((frame) => frame['id'] === id)).toMatchObject({ topic });
        const ids = idsOf(socket, topic);
        expect(new Set(ids).size).toBe(ids.length);
        socket.terminate();
      });
    },
  );
});

describe('connects of one client at once', () => {
  it.each([
    ['two on one edge', [0, 0]],
    ['two on two edges', [0, 1]],
    ['five on two edges', [0, 1, 0, 1, 1]],
  ])(
    '%s: one stays, it is the one that Redis knows, and the others get 4409',
    { timeout: TIMEOUT_MS },
    async (_, places) => {
      await rounds(200, async (number) => {
        const client = await control.register();
        const sockets = await Promise.all(places.map((place) => openSocket(edgeOf(number + place).url, { client })));
        let left = sockets;
        await eventually(() => {
          left = sockets.filter(({ ws }) => ws.readyState === ws.OPEN);
          expect(left).toHaveLength(1);
        });
        const [stays] = left as [TestSocket];
        const ends = await Promise.all(sockets.filter((socket) => socket !== stays).map((socket) => socket.closed));
        expect(ends.map(({ code }) => code)).toEqual(Array.from(ends, () => 4409));
        const welcome = stays.frames.find(({ type }) => type === 'welcome') ?? (await stays.next('welcome'));
        // It takes the client over when it is open.
        await eventually(async () => expect(await ownerOf(client)).toBe(welcome['connection']));
        // It is served, and still there after what the others left behind has been worked off.
        const id = await control.publishToClient(client, '1');
        expect(await stays.next('message')).toMatchObject({ id });
        expect(await ownerOf(client)).toBe(welcome['connection']);
        stays.terminate();
      });
    },
  );

  it('one after the other without waiting: the last one stays', { timeout: TIMEOUT_MS }, async () => {
    await rounds(60, async (number) => {
      const client = await control.register();
      let socket = await connected(client, edgeOf(number));
      for (let time = 1; time <= 6; time += 1) {
        if (time % 2 === 0) socket.ws.close();
        else socket.terminate();
        socket = await openSocket(edgeOf(number + (time % 3 === 0 ? 1 : 0)).url, { client });
      }
      const welcome = await socket.next('welcome');
      const id = await control.publishToClient(client, '1');
      expect(await socket.next('message')).toMatchObject({ id });
      await eventually(async () => expect(await ownerOf(client)).toBe(welcome['connection']));
      socket.terminate();
    });
  });
});

/** Turns of the event loop after the handshake was sent, or one that is certain. */
const MOMENTS = ['before', 0, 1, 2, 3, 4, 5, 6, 'after'] as const;

describe('unregister during connect', () => {
  it('ends with 403 or 4410, and no edge owns a client that is not there', { timeout: TIMEOUT_MS }, async () => {
    const outcomes: (string | number)[] = [];
    await rounds(400, async (number) => {
      const client = await control.register();
      const moment = MOMENTS[number % MOMENTS.length];
      // At any time from before the handshake until after the welcome.
      const early = moment === 'before' ? await control.broker.unregister(client) : null;
      const opening = openSocket(edgeOf(number).url, { client }).catch((error: unknown) => {
        if (error instanceof HandshakeRefused) return error;
        throw error;
      });
      if (moment === 'after') await ((await opening) as TestSocket).next('welcome');
      for (let turn = 0; turn < Number(moment); turn += 1) await new Promise(setImmediate);
      const [opened, unregistered] = await Promise.all([opening, early ?? control.broker.unregister(client)]);
      expect(unregistered).toBe(true);
      const refused = opened instanceof HandshakeRefused;
      outcomes.push(refused ? `refused with ${opened.status}` : `closed with ${(await opened.closed).code}`);
      expect(await control.broker.readClient(client)).toBeNull();
    });
    await eventually(() => expect(edges.map(({ edge }) => edge.registry.size)).toEqual([0, 0]));
    expect(new Set(outcomes)).toEqual(new Set(['refused with 403', 'closed with 4410']));
  });
});

describe('a resume after a cut, while publishing goes on', () => {
  it('misses nothing and repeats nothing, 1,000 of 1,000', { timeout: TIMEOUT_MS }, async () => {
    const CUTS = 1000 / LANES;
    await control.broker.putTopic('busy', { size: 100_000 });
    const published: string[] = [];
    const enough = new AbortController();
    const publisher = (async () => {
      while (!enough.signal.aborted) {
        const some = Array.from({ length: 10 }, () => control.publish('busy', '1'));
        published.push(...(await Promise.all(some)));
      }
    })();

    const clients = await Promise.all(
      Array.from({ length: LANES }, async (_, lane) => {
        const client = await control.register(['busy']);
        const received: Frame[] = [];
        let socket = await openSocket(edgeOf(lane).url, { client });
        const { position: start = '' } = topicOf(await socket.next('welcome'), 'busy');
        let seen = start;
        for (let cut = 1; cut <= CUTS; cut += 1) {
          await socket.next('message');
          socket.terminate();
          await socket.closed;
          received.push(...socket.frames);
          seen = messageIds(received).at(-1) ?? seen;
          socket = await openSocket(edgeOf(lane + cut).url, { client, resume: true });
          socket.send({ type: 'resume', positions: { busy: seen } });
          expect(topicOf(await socket.next('welcome'), 'busy')).toEqual({ position: seen, recovered: true });
        }
        return { start, received, socket };
      }),
    );
    enough.abort();
    await publisher;
    const end = published.at(-1) ?? '';
    for (const { start, received, socket } of clients) {
      await eventually(() => expect(idsOf(socket, 'busy').at(-1)).toBe(end));
      const frames = [...received, ...socket.frames];
      expect(frames.filter(({ type }) => type === 'lost')).toEqual([]);
      expect(messageIds(frames)).toEqual(published.slice(published.indexOf(start) + 1));
      socket.terminate();
    }
    expect(published.length).toBeGreaterThan(1000);
  });
});

function topicOf(welcome: Frame, topic: string): { position?: string; recovered?: boolean } {
  return (welcome['topics'] as Record<string, { position: string; recovered?: boolean }>)[topic] ?? {};
}

function byPosition(a: string, b: string): number {
  const [timeA = 0, sequenceA = 0] = a.split('-').map(Number);
  const [timeB = 0, sequenceB = 0] = b.split('-').map(Number);
  return timeA - timeB || sequenceA - sequenceB;
}
