import { join } from 'node:path';
import { createKey } from '@holdfast/keys-file/keys-file';
import { eventually } from '@holdfast/testkit/eventually';
import type { TestSocket } from '@holdfast/testkit/socket';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, idsOf, startBackend } from './backend.ts';
import { type TemporaryDirectory, temporaryDirectory } from './temporary-directory.ts';

/** Nothing expires until a minute after control-api has found Redis. */
const EXPIRED_MS = 120_000;

let directory: TemporaryDirectory;
let backend: Backend & AsyncDisposable;
beforeAll(async () => {
  directory = await temporaryDirectory();
  const keysFile = join(directory.path, 'api-keys.json');
  const rooms = ['room.*'];
  const { presented: key } = await createKey(keysFile, {
    id: 'rooms',
    can: { register: true, subscribe: rooms, publish: rooms, create: rooms, manage: ['**'] },
    topicDefaults: { expireSeconds: 1 },
  });
  backend = await startBackend({ keys: { keysFile, key } });
});
afterAll(async () => {
  await backend[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

const statusOf = async (topic: string) => (await backend.call('GET', `/v1/topics/${topic}`)).status;

/** The frame that opens the connection, as to one topic. */
async function welcomed(socket: TestSocket, topic: string): Promise<{ position: string; recovered?: boolean }> {
  const { topics } = (await socket.next('welcome')) as unknown as { topics: Record<string, { position: string }> };
  return topics[topic] ?? { position: 'not there' };
}

async function resumed(clientId: string, topic: string, position: string, edge: number) {
  const socket = await backend.connect(clientId, { edge, resume: true });
  socket.send({ type: 'resume', positions: { [topic]: position } });
  return { socket, welcome: await welcomed(socket, topic) };
}

describe('topics on demand', () => {
  it('are there when they are first published to, subscribed to, or registered with', async () => {
    const registered = await backend.register(['room.registered']);
    const subscribed = await backend.register([]);
    const answer = await backend.call('POST', `/v1/clients/${subscribed}/topics`, {
      body: { topics: 'room.subscribed' },
    });
    expect(answer.status).toBe(202);
    for (const [clientId, topic] of [
      [registered, 'room.registered'],
      [subscribed, 'room.subscribed'],
    ] as const) {
      const socket = await backend.connect(clientId);
      await socket.next('welcome');
      const id = await backend.publish(topic, 1);
      expect(await socket.next('message')).toMatchObject({ topic, id });
      await socket.close();
    }
    await backend.publish('room.published', 1);
    expect(await statusOf('room.published')).toBe(200);
    expect((await backend.call('POST', '/v1/topics/hall.1/messages', { body: 1 })).status).toBe(403);
  });

  it('expire when they are not used, and their subscriptions outlive them', { timeout: 2 * EXPIRED_MS }, async () => {
    const room = 'room.left';
    const [occupant, ...clients] = await Promise.all(
      Array.from({ length: 5 }, (_, index) => backend.register([index === 0 ? 'room.kept' : room])),
    );
    const [upToDate = '', behind = '', absent = '', early = ''] = clients;
    const occupied = await backend.connect(occupant ?? '');
    await occupied.next('welcome');
    const sockets = await Promise.all([upToDate, behind].map((client, edge) => backend.connect(client, { edge })));
    const first = await backend.publish(room, 1);
    for (const socket of sockets) expect(await socket.next('message')).toMatchObject({ id: first });
    await sockets[1]?.close();
    const last = await backend.publish(room, 2);
    expect(await sockets[0]?.next((frame) => frame['id'] === last)).toMatchObject({ topic: room });
    await sockets[0]?.close();

    await eventually(async () => expect(await statusOf(room)).toBe(404), { timeoutMs: EXPIRED_MS });
    expect(await statusOf('room.kept')).toBe(200);
    expect((await backend.call('GET', `/v1/topics/${room}/messages`)).status).toBe(404);
    expect((await backend.call('GET', `/v1/clients/${early}`)).body).toMatchObject({ topics: [room] });

    // Connected while there is no such topic: it is subscribed, and nothing is missing but what was deleted unread.
    const connected = await backend.connect(early);
    expect(await welcomed(connected, room)).toEqual({ position: last });
    const before = await resumed(upToDate, room, last, 1);
    expect(before.welcome).toEqual({ position: last, recovered: true });

    const id = await backend.publish(room, 3);
    const after = await resumed(behind, room, first, 0);
    expect(after.welcome).toEqual({ position: last, recovered: false });
    expect(await after.socket.next('lost')).toEqual({ type: 'lost', topic: room, after: first, position: last });
    const late = await resumed(absent, room, last, 1);
    expect(late.welcome).toEqual({ position: last, recovered: true });
    const second = await backend.publish(room, 4);
    for (const socket of [connected, before.socket, after.socket, late.socket]) {
      await eventually(() => expect(idsOf(socket, room)).toEqual([id, second]));
    }

    expect((await backend.call('DELETE', `/v1/topics/${room}`)).status).toBe(200);
    expect(await connected.next('unsubscribed')).toMatchObject({ topic: room, reason: 'topic-deleted' });
    await backend.publish(room, 5);
    expect((await backend.call('GET', `/v1/clients/${early}`)).body).toMatchObject({ topics: [] });
  });
});
