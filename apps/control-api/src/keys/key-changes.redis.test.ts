import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '@holdfast/keys-file/keys-file';
import { apiKeysFile } from '@holdfast/protocol/api-key';
import { createKeyResponse, deleteKeyResponse, deletingKeyResponse, keySummary } from '@holdfast/protocol/rest/keys';
import { eventually } from '@holdfast/testkit/eventually';
import { startPrivateRedis } from '@holdfast/testkit/redis-process';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type KeyName, type TestApi, expectBody, startApiOn, startTestApi } from '../testing/api.ts';

const PATH = '/v1/keys';
/** How long a call waits for clients to be unregistered, less what a timer may be early. */
const MIN_WAIT_MS = 9900;
const CAN = { register: true, subscribe: ['news.*'], publish: [], manage: [], create: [], presence: [] };

let folder: string;
let file: string;
let original: string;
let api: TestApi;
/** Another control-api on the same file. */
let other: TestApi;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-keys-'));
  file = join(folder, 'api-keys.json');
  api = await startApiOn(file);
  other = await startApiOn(file);
  original = await readFile(file, 'utf8');
});
beforeEach(async () => {
  await writeFile(file, original);
  // The file is read again with each call that changes it, or would.
  await remove('no-such-key');
});
afterAll(async () => {
  await Promise.all([api.stop(), other.stop()]);
  await rm(folder, { recursive: true });
});

const post = (body: object, from = api) => from.call('POST', PATH, { key: 'all', body });
const make = async (body: object, from = api) => expectBody(await post(body, from), 201, createKeyResponse);
const remove = (id: string, query = '') => api.call('DELETE', `${PATH}/${id}${query}`, { key: 'all' });
/** Called again while it answers 202: on a busy machine the clients take longer than one call waits. No call waits less. */
const removeAll = async (id: string): Promise<Awaited<ReturnType<typeof remove>>> => {
  const askedAt = performance.now();
  const answer = await remove(id, '?clients=true');
  if (answer.status !== 202) return answer;
  expect(performance.now() - askedAt).toBeGreaterThan(MIN_WAIT_MS);
  return removeAll(id);
};
const asks = (presented: string, from = api) => from.call('GET', '/v1/key', { headers: { 'x-api-key': presented } });
const idsInFile = async () =>
  (JSON.parse(await readFile(file, 'utf8')) as { keys: { id: string }[] }).keys.map(({ id }) => id);
const known = () => (JSON.parse(original) as { keys: { id: string }[] }).keys.map(({ id }) => id);
/** The keys of the tests, as a process has them that has not read the file since. */
const stale = () => apiKeysFile.parse(JSON.parse(original)).keys;
const ofFolder = async () => (await readdir(folder)).toSorted();

describe('POST /v1/keys', () => {
  test('answers 201 with the secret, once, and the key as the list shows it', async () => {
    const expiresAt = '2199-01-31T12:00:00+01:00';
    const { key, ...shown } = await make({ id: 'mobile', can: CAN, maxClients: 7, expiresAt });
    expect(key).toMatch(/^mobile\.[\w-]{43}$/);
    expect(shown).toMatchObject({ id: 'mobile', can: CAN, maxClients: 7, expiresAt, expired: false, lastUsedAt: null });
    const { keys } = (await api.call('GET', `${PATH}?limit=1000`, { key: 'all' })).body as { keys: { id: string }[] };
    expect(keySummary.strict().parse(keys.find(({ id }) => id === 'mobile'))).toEqual(shown);
    expect(await readFile(file, 'utf8')).toContain(sha256(key.slice('mobile.'.length)));
  });

  test('makes an app, whose secret is in no answer and no log line', async () => {
    const pusher = { appId: 'made', key: 'made-key', secret: 'not-to-be-shown', previousSecret: 'nor-this-one' };
    const answer = await post({ id: 'laravel', pusher });
    expectBody(answer, 201, createKeyResponse);
    expect(answer.body).toMatchObject({ pusher: { appId: 'made', key: 'made-key' } });
    expect(api.keys.ofApp('made')?.pusher).toMatchObject(pusher);
    const list = await api.call('GET', `${PATH}?limit=1000`, { key: 'all' });
    const shown = answer.text + list.text + JSON.stringify(api.log.lines);
    for (const secret of ['not-to-be-shown', 'nor-this-one']) expect(shown).not.toContain(secret);
    expect(await post({ id: 'second', pusher })).toBeProblem(409, 'key-exists');
  });

  test('is not stored by caches, and neither secret nor hash reaches a log line', async () => {
    const answer = await post({ id: 'mobile' });
    expect(answer.headers['cache-control']).toBe('no-store');
    const secret = String(answer.body['key']).slice('mobile.'.length);
    const text = JSON.stringify(api.log.lines);
    expect(text).toContain('"create-key"');
    expect(text).not.toContain(secret);
    expect(text).not.toContain(sha256(secret));
  });

  test('is in force at once where it was made, and soon at another control-api on the file', async () => {
    const { key } = await make({ id: 'mobile' });
    expect((await asks(key)).status).toBe(200);
    await eventually(async () => expect((await asks(key, other)).status).toBe(200));
  });

  test('loses none of 20 keys that each of two control-apis makes at once', async () => {
    const made = [api, other].flatMap((from, which) =>
      Array.from({ length: 20 }, async (_, index) => make({ id: `key-${which}-${index}` }, from)),
    );
    const ids = (await Promise.all(made)).map(({ id }) => id);
    expect(new Set(await idsInFile())).toEqual(new Set([...known(), ...ids]));
    expect(await ofFolder()).toEqual(['api-keys.json']);
  });

  test('keeps what was written by hand before the file was read again, and has it in force', async () => {
    const { keys } = JSON.parse(original) as { keys: { id: string }[] };
    const byHand = { ...keys.find(({ id }) => id === 'all'), id: 'by-hand' };
    await writeFile(file, JSON.stringify({ keys: [...keys, byHand] }));
    await make({ id: 'mobile' });
    expect(await idsInFile()).toEqual([...known(), 'by-hand', 'mobile']);
    expect((await asks('by-hand.a-secret')).status).toBe(200);
  });

  test('is in the audit log, made or refused, with the key that it is about', async () => {
    await make({ id: 'mobile' });
    await post({ id: 'mobile' });
    await api.call('POST', PATH, { key: 'news', body: { id: 'other' } });
    await remove('mobile');
    await api.call('DELETE', `${PATH}/mobile`, { key: 'news' });
    const lines = api.log.lines.filter(({ msg, changedKey }) => msg === 'audit' && changedKey === 'mobile').slice(-4);
    expect(lines).toMatchObject([
      { key: 'all', action: 'create-key', outcome: 'done', status: 201 },
      { key: 'all', action: 'create-key', outcome: 'key-exists', status: 409 },
      { key: 'all', action: 'delete-key', outcome: 'done', status: 200 },
      { key: 'news', action: 'delete-key', outcome: 'not-permitted', status: 403 },
    ]);
  });

  test.each<[KeyName, number]>([
    ['keeper', 201],
    ['news', 403],
    ['maker', 403],
    ['readers', 403],
  ])('with the key %s answers %i: it takes "**" in can.manage', async (key, status) => {
    expect((await api.call('POST', PATH, { key, body: { id: 'mobile' } })).status).toBe(status);
    expect((await idsInFile()).includes('mobile')).toBe(status === 201);
    expect((await api.call('DELETE', `${PATH}/lookers`, { key })).status).toBe(status === 201 ? 200 : 403);
  });

  test('answers 409 to an id that is taken, and keeps that key', async () => {
    const { key } = await make({ id: 'mobile', maxClients: 1 });
    const before = await readFile(file, 'utf8');
    expect(await post({ id: 'mobile', maxClients: 2 })).toBeProblem(409, 'key-exists');
    expect(await readFile(file, 'utf8')).toBe(before);
    expect((await asks(key)).body).toMatchObject({ maxClients: 1 });
  });

  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const { d, ...publicJwk } = jwk;
  test.each([
    [{}, 'body.id'],
    [{ id: 'two words' }, 'body.id'],
    [{ id: 'a.b' }, 'body.id'],
    [{ id: 'mobile', secretSha256: 'a'.repeat(64) }, 'body.secretSha256'],
    [{ id: 'mobile', maxClients: -1 }, 'body.maxClients'],
    [{ id: 'mobile', expiresAt: 'tomorrow' }, 'body.expiresAt'],
    [{ id: 'mobile', can: { subscribe: ['a..b'] } }, 'body.can.subscribe[0]'],
    [{ id: 'mobile', can: { fly: true } }, 'body.can.fly'],
    [{ id: 'mobile', topicDefaults: { history: { size: -1 } } }, 'body.topicDefaults.history.size'],
    [{ id: 'mobile', tokens: { alg: 'EdDSA', publicJwk: { ...publicJwk, d } } }, 'body.tokens.publicJwk.d'],
    [{ id: 'mobile', tokens: { alg: 'EdDSA', publicJwk: { ...publicJwk, x: 'AAAA' } } }, 'body.tokens.publicJwk'],
    [{ id: 'mobile', tokens: { alg: 'none' } }, 'body.tokens.alg'],
  ])('answers 400 to %j, naming %s, and changes nothing', async (body, field) => {
    const answer = await post(body);
    expect(answer).toBeProblem(400, 'invalid-request');
    expect(answer.body['errors']).toContainEqual({ field, rule: expect.any(String) });
    expect(await readFile(file, 'utf8')).toBe(original);
    expect(answer.text).not.toContain(d);
  });

  test('takes what verifies tokens, and shows neither it nor its secret', async () => {
    await make({ id: 'pair', tokens: { alg: 'EdDSA', publicJwk } });
    const hmac = await post({ id: 'hmac', tokens: { alg: 'HS256', secret: 's'.repeat(32), issuer: 'us' } });
    expect(hmac.body).toMatchObject({ tokens: { alg: 'HS256', issuer: 'us', jwksUrl: null } });
    expect(hmac.text).not.toContain('s'.repeat(32));
    expect(await readFile(file, 'utf8')).toContain(publicJwk.x);
  });
});

describe('DELETE /v1/keys/{id}', () => {
  test('answers 200, and from then on the key opens nothing here, and soon nothing elsewhere', async () => {
    const { key } = await make({ id: 'mobile' });
    await eventually(async () => expect((await asks(key, other)).status).toBe(200));
    expect(expectBody(await remove('mobile'), 200, deleteKeyResponse)).toEqual({ id: 'mobile', clients: 0 });
    expect(await asks(key)).toBeProblem(403, 'key-unknown');
    await eventually(async () => expect(await asks(key, other)).toBeProblem(403, 'key-unknown'));
    expect(await idsInFile()).toEqual(known());
  });

  test('answers 404 when there is no such key, and 400 to what is no id', async () => {
    expect(await remove('no-such-key')).toBeProblem(404, 'key-not-found');
    expect(await remove('no-such-key', '?clients=true')).toBeProblem(404, 'key-not-found');
    expect(await remove('a.b')).toBeProblem(400, 'invalid-request');
    expect(await remove('mobile', '?clients=yes')).toBeProblem(400, 'invalid-request');
  });

  test('answers 409 to a key that would delete itself, and keeps it', async () => {
    expect(await remove('all')).toBeProblem(409, 'own-key');
    expect(await readFile(file, 'utf8')).toBe(original);
  });

  test('with clients=true unregisters all of its clients over several pages, those of no other, and can be repeated', async () => {
    const { key } = await make({ id: 'mobile', can: CAN });
    const register = (presented: string) =>
      api.call('POST', '/v1/clients', { headers: { 'x-api-key': presented }, body: {} });
    const ids: string[] = [];
    const kept: string[] = [];
    // As many calls of one key at a time as it may have under way. More than a page holds are of another key.
    for (const [presented, count, into] of [
      ['people.a-secret', 600, kept],
      ['people.a-secret', 500, kept],
      [key, 100, ids],
    ] as const) {
      const answers = await Promise.all(Array.from({ length: count }, () => register(presented)));
      into.push(...answers.map(({ body }) => String(body['clientId'])));
    }
    expect(expectBody(await remove('mobile'), 200, deleteKeyResponse).clients).toBe(0);
    // As after a call that failed between the key and its clients.
    const again = expectBody(await removeAll('mobile'), 200, deleteKeyResponse);
    expect(again).toEqual({ id: 'mobile', clients: ids.length });
    expect(await api.broker.readClient(ids[0] ?? '')).toBeNull();
    for (const clientId of kept) expect(await api.broker.readClient(clientId)).not.toBeNull();
    expect(await remove('mobile', '?clients=true')).toBeProblem(404, 'key-not-found');
  });

  test('unregisters also what another control-api still registers with the key', async () => {
    await make({ id: 'mobile', can: CAN });
    const register = (clientId: string) =>
      api.broker.register({ clientId, key: 'mobile', name: null, registeredAt: Date.now(), topics: new Map() }, null);
    const [last, late] = ['ffffffff-ffff-4fff-bfff-ffffffffffff', crypto.randomUUID()];
    await register(last);
    const removing = removeAll('mobile');
    // In the order of ids: all have been looked at once.
    await eventually(async () => expect(await api.broker.readClient(last)).toBeNull());
    await register(late);
    expect(expectBody(await removing, 200, deleteKeyResponse)).toEqual({ id: 'mobile', clients: 2 });
    expect(await api.broker.readClient(late)).toBeNull();
  });

  test('with clients=true answers 202 when that takes long, and 200 to the repeated call at its end', async () => {
    const { key } = await make({ id: 'mobile', can: CAN });
    const { body } = await api.call('POST', '/v1/clients', { headers: { 'x-api-key': key }, body: {} });
    const hold = Promise.withResolvers<void>();
    const unregister = api.broker.unregister.bind(api.broker);
    const held = vi.spyOn(api.broker, 'unregister').mockImplementation(async (id) => {
      await hold.promise;
      return unregister(id);
    });
    expect(expectBody(await remove('mobile', '?clients=true'), 202, deletingKeyResponse)).toEqual({
      id: 'mobile',
      clients: 0,
      done: false,
    });
    hold.resolve();
    const ended = await removeAll('mobile');
    held.mockRestore();
    expect(expectBody(ended, 200, deleteKeyResponse)).toEqual({ id: 'mobile', clients: 1 });
    expect(await api.broker.readClient(String(body['clientId']))).toBeNull();
  });

  test('of a key in use refuses each call behind it, and breaks none before it', async () => {
    const { key } = await make({ id: 'mobile' });
    const states: string[] = [];
    let deleted = false;
    const use = async (): Promise<void> => {
      const before = deleted;
      const { status } = await asks(key);
      states.push(`${before ? 'after' : 'before'} ${status}`);
      if (status === 200) await use();
    };
    const users = Array.from({ length: 8 }, use);
    await eventually(() => expect(states.length).toBeGreaterThan(20));
    await remove('mobile');
    deleted = true;
    await Promise.all(users);
    expect(states.filter((state) => state === 'after 200')).toEqual([]);
    expect(new Set(states.filter((state) => state.startsWith('before')))).toEqual(
      new Set(['before 200', ...(states.includes('before 403') ? ['before 403'] : [])]),
    );
  });
});

describe('a key that another control-api has deleted', () => {
  afterEach(async () => {
    await writeFile(file, original);
    for (const from of [api, other]) {
      await eventually(() => from.keys.check('all.a-secret'));
      await eventually(() => from.keys.check('keeper.a-secret'));
    }
  });

  test('makes no key and deletes none, at a control-api that has not read the file again', async () => {
    expect((await remove('keeper')).status).toBe(200);
    await eventually(async () => expect((await asks('keeper.a-secret', other)).status).toBe(403));
    const after = await readFile(file, 'utf8');
    const body = { id: 'mine', can: { manage: ['**'] } };
    for (const call of [
      () => other.call('POST', PATH, { key: 'keeper', body }),
      () => other.call('DELETE', `${PATH}/all`, { key: 'keeper' }),
      () => other.call('DELETE', `${PATH}/all?clients=true`, { key: 'keeper' }),
    ]) {
      other.keys.replace(stale());
      expect(await call()).toBeProblem(403, 'key-unknown');
      expect(await readFile(file, 'utf8')).toBe(after);
    }
  });

  test.each([
    ['with another secret', { secretSha256: 'b'.repeat(64) }, 'key-unknown'],
    ['expired', { expiresAt: '2020-01-01T00:00:00Z' }, 'key-expired'],
    ['with fewer rights', { can: { ...CAN, manage: ['news.*'] } }, 'not-permitted'],
  ] as const)('or that stands in the file %s, is refused: 403', async (_, changes, code) => {
    const keys = stale().map((key) => (key.id === 'keeper' ? { ...key, ...changes } : key));
    await writeFile(file, JSON.stringify({ keys }));
    await eventually(async () => expect((await other.call('GET', PATH, { key: 'keeper' })).status).toBe(403));
    other.keys.replace(stale());
    expect(await other.call('POST', PATH, { key: 'keeper', body: { id: 'mine' } })).toBeProblem(403, code);
    expect(await idsInFile()).toEqual(known());
  });

  test('has not deleted the other one: of two that delete each other one is left', async () => {
    const answers = await Promise.all([remove('keeper'), other.call('DELETE', `${PATH}/all`, { key: 'keeper' })]);
    expect(answers.map(({ status }) => String(status)).toSorted()).toEqual(['200', '403']);
    expect((await idsInFile()).filter((id) => id === 'all' || id === 'keeper')).toHaveLength(1);
  });
});

test('POST /v1/keys while Redis is away makes no key, whose secret would be lost: it can be repeated', async () => {
  const server = await startPrivateRedis();
  const place = join(folder, 'without-redis.json');
  const cut = await startApiOn(place, server.url);
  await server.kill();
  const before = await readFile(place, 'utf8');
  expect(await post({ id: 'mobile' }, cut)).toBeProblem(503, 'redis-unavailable');
  expect(await readFile(place, 'utf8')).toBe(before);
  const again = await startPrivateRedis({ port: server.port });
  const made = await eventually(async () => make({ id: 'mobile' }, cut));
  expect((await asks(made.key, cut)).status).toBe(200);
  await cut.stop();
  await Promise.all([again.stop(), server.stop(), rm(place)]);
});

describe('a keys file that cannot be changed', () => {
  test.each(['{"keys":', '{"keys":[],"more":1}', '[]'])('that is broken (%s) is left as it is: 409', async (text) => {
    await writeFile(file, text);
    for (const answer of [await post({ id: 'mobile' }), await remove('lookers')]) {
      expect(answer).toBeProblem(409, 'keys-file-unusable');
      expect(answer.body['detail']).toContain('api-keys.json');
    }
    expect(await readFile(file, 'utf8')).toBe(text);
    expect(await ofFolder()).toEqual(['api-keys.json']);
  });

  test('that is gone is not made with one key alone: 409', async () => {
    await rm(file);
    expect(await post({ id: 'mobile' })).toBeProblem(409, 'keys-file-unusable');
    expect(await ofFolder()).toEqual([]);
  });

  test('that this process may not change: 409 with the reason of the file system', async () => {
    await rm(file);
    await symlink('/sys/kernel/notes', file);
    const answer = await post({ id: 'mobile' });
    await rm(file);
    expect(answer).toBeProblem(409, 'keys-file-read-only');
    expect(answer.body['detail']).toMatch(/\(E[A-Z]+\)/);
  });

  test('that another change holds, or was killed while it held it: 503 with Retry-After', async () => {
    await writeFile(`${file}.new`, '');
    const answer = await post({ id: 'mobile' });
    await rm(`${file}.new`);
    expect(answer).toBeProblem(503, 'keys-file-unavailable');
    expect(answer.headers['retry-after']).toBe('30');
    expect(await readFile(file, 'utf8')).toBe(original);
  });

  test('of which there is none: 409', async () => {
    const without = await startTestApi();
    const answers = [
      await post({ id: 'mobile' }, without),
      await without.call('DELETE', `${PATH}/news`, { key: 'all' }),
    ];
    await without.stop();
    for (const answer of answers) expect(answer).toBeProblem(409, 'keys-file-unusable');
  });
});
