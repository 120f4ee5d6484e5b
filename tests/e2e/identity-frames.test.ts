import { eventually } from '@holdfast/testkit/eventually';
import { type TestSocket, refusedHandshake } from '@holdfast/testkit/socket';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { join } from 'node:path';
import { FULL_RIGHTS } from '@holdfast/local/installation';
import { createKey } from '@holdfast/keys-file/keys-file';
import { type Backend, startBackend } from './backend.ts';
import { type TemporaryDirectory, temporaryDirectory } from './temporary-directory.ts';

/**
 * Frames times identities: nothing that a connection of Ann asks for by its handshake or its frames gets it what is Bob's.
 */
const ANNS = 'user.ann.inbox';
const BOBS = 'user.bob.inbox';
const SHARED = 'news.today';
const RIGHTS = ['user.{user}.**', 'news.*'];

let directory: TemporaryDirectory;
let backend: Backend & AsyncDisposable;
let keys: Record<'seeing' | 'blind', string>;
beforeAll(async () => {
  directory = await temporaryDirectory();
  const keysFile = join(directory.path, 'api-keys.json');
  const { presented: key } = await createKey(keysFile, { id: 'backend', can: FULL_RIGHTS });
  const can = { register: true, subscribe: RIGHTS };
  const seeing = await createKey(keysFile, { id: 'seeing', can: { ...can, presence: RIGHTS } });
  const blind = await createKey(keysFile, { id: 'blind', can: { ...can, presence: ['user.{user}.**'] } });
  keys = { seeing: seeing.presented, blind: blind.presented };
  backend = await startBackend({ edges: 1, keys: { keysFile, key } });
  for (const topic of [ANNS, BOBS, SHARED]) {
    await backend.call('PUT', `/v1/topics/${topic}`, { body: { presence: {} } });
  }
});
afterAll(async () => {
  await backend[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

async function register(key: string, user: string, topics: string[], more: object = {}): Promise<string> {
  const answer = await backend.call<{ clientId: string }>('POST', '/v1/clients', {
    key,
    body: { user, topics, ...more },
  });
  expect(answer.status).toBe(201);
  return answer.body.clientId;
}

async function watching(clientId: string): Promise<TestSocket> {
  const socket = await backend.connect(clientId, { query: { presence: '1' } });
  await socket.next('welcome');
  return socket;
}

/** The topics of which a connection was sent anything of this type. */
const topicsOf = (socket: TestSocket, type: string) =>
  [...new Set(socket.frames.filter((frame) => frame.type === type).map((frame) => String(frame['topic'])))].toSorted();

/** Everything that was on its way to a connection has arrived. */
async function settled(socket: TestSocket, topic: string): Promise<void> {
  const id = await backend.publish(topic, 'the last');
  await socket.next((frame) => frame['id'] === id);
}

describe('presence on a connection of ann, while bob comes and goes', () => {
  it.each<[string, 'seeing' | 'blind', object, string[]]>([
    ['whose key sees what is hers and what is shared', 'seeing', {}, [SHARED, ANNS]],
    ['whose key sees what is hers', 'blind', {}, [ANNS]],
    ['who may see no presence', 'seeing', { may: { subscribe: ['**'], presence: [] } }, []],
    ['who may see everything, within her key', 'blind', { may: { presence: ['**'] } }, [ANNS]],
    ['who may see what is of bob', 'seeing', { may: { presence: ['user.bob.**'] } }, []],
  ])('%s', async (_, key, more, shown) => {
    const ann = await watching(await register(keys[key], 'ann', [ANNS, SHARED], more));
    const witness = await watching(await register(keys.seeing, 'witness', [SHARED]));
    const bob = await backend.connect(await register(keys.seeing, 'bob', [BOBS, SHARED]));
    await bob.next('welcome');
    const sees = (what: string) =>
      eventually(() => expect(witness.texts.some((text) => text.includes(what))).toBe(true));
    await sees('"id":"bob"');
    await bob.close();
    await sees('"left":["bob"]');
    // One edge sends a change to all in the same turn.
    await settled(ann, SHARED);
    expect(topicsOf(ann, 'presence')).toEqual(shown.toSorted());
    expect(ann.texts.some((text) => text.includes('"bob"'))).toBe(shown.includes(SHARED));
    await Promise.all([ann.close(), witness.close()]);
  });
});

describe('a resume frame of ann', () => {
  /** Publishes what is bob's, and gives the positions before it, with which bob could resume. */
  async function bobsPositions(): Promise<Record<string, string>> {
    const bobs = await register(keys.seeing, 'bob', [BOBS]);
    const bob = await backend.connect(bobs);
    const welcome = (await bob.next('welcome')) as unknown as { topics: Record<string, { position: string }> };
    await backend.publish(BOBS, 'for bob');
    await backend.call('POST', '/v1/users/bob/messages', { body: 'for bob' });
    await backend.call('POST', `/v1/clients/${bobs}/messages`, { body: 'for bob' });
    for (let count = 0; count < 3; count += 1) await bob.next('message');
    await bob.close();
    return Object.fromEntries(Object.entries(welcome.topics).map(([topic, { position }]) => [topic, position]));
  }

  it.each([
    ['his topic', [BOBS]],
    ['his @user', ['@user']],
    ['his @me', ['@me']],
    ['all', [BOBS, '@user', '@me']],
  ])('with the positions of bob, of %s, brings nothing of his', async (_, topics) => {
    const positions = await bobsPositions();
    const socket = await backend.connect(await register(keys.seeing, 'ann', [ANNS]), { resume: true });
    const given = Object.entries(positions).filter(([topic]) => topics.includes(topic));
    socket.send({ type: 'resume', positions: Object.fromEntries(given) });
    const welcome = await socket.next('welcome');
    expect(Object.keys(welcome['topics'] as object).toSorted()).toEqual(['@me', '@user', ANNS]);
    await settled(socket, ANNS);
    expect(socket.texts.filter((text) => text.includes('for bob'))).toEqual([]);
    await socket.close();
  });

  it.each(['@user:bob', '@user:ann', `topic:{${BOBS}}`, 'user.{user}.inbox', '@users', '**'])(
    'that names %s is none',
    async (topic) => {
      const positions = await bobsPositions();
      const socket = await backend.connect(await register(keys.seeing, 'ann', [ANNS]), { resume: true });
      socket.send(`{"type":"resume","positions":{${JSON.stringify(topic)}:${JSON.stringify(positions['@user'])}}}`);
      expect(await socket.closed).toMatchObject({ code: 4400 });
      expect(socket.frames).toEqual([]);
    },
  );
});

describe('a frame of ann that would subscribe, publish or speak for bob', () => {
  it.each([
    { type: 'subscribe', topics: [BOBS] },
    { type: 'publish', topic: BOBS, data: 1 },
    { type: 'presence', topic: BOBS },
    { type: 'message', topic: BOBS, id: '1-1', data: 1 },
    { type: 'ping', user: 'bob' },
    { type: 'resume', user: 'bob', positions: {} },
  ])('ends her connection: %j', async (frame) => {
    const socket = await backend.connect(await register(keys.seeing, 'ann', [ANNS]));
    await socket.next('welcome');
    // Connections of the tests before may just end.
    const view = async () => (await backend.call<{ last: string }>('GET', `/v1/topics/${BOBS}`)).body;
    await eventually(async () => expect(await view()).toMatchObject({ subscribers: 0, present: 0 }), {
      timeoutMs: 15_000,
    });
    const before = await view();
    socket.send(frame);
    expect((await socket.closed).code).toBe(4400);
    expect(await view()).toEqual(before);
  });
});

describe('a handshake', () => {
  it.each([{ user: 'bob' }, { topics: BOBS }, { token: 'x' }])('with %j gives ann nothing more', async (query) => {
    const socket = await backend.connect(await register(keys.seeing, 'ann', [ANNS]), { query });
    const welcome = await socket.next('welcome');
    expect(Object.keys(welcome['topics'] as object).toSorted()).toEqual(['@me', '@user', ANNS]);
    await settled(socket, ANNS);
    expect(topicsOf(socket, 'presence')).toEqual([]);
    await socket.close();
  });

  it.each([
    { client: 'bob' },
    { client: '@user:bob' },
    { client: '' },
    { presence: '**' },
    { presence: BOBS },
    { presence: '1', client: '*' },
  ])('with %j is refused', async (query) => {
    const [url = ''] = backend.installation.edgeUrls;
    const client = await register(keys.seeing, 'ann', [ANNS]);
    expect((await refusedHandshake(url, { client, query })).status).toBe(400);
  });
});
