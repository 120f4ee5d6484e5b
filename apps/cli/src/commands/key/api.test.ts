import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { freePort } from '@holdfast/local/free-port';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../run.ts';
import { recordingTerminal } from '../../testing/recording-terminal.ts';

interface Call {
  line: string;
  key: string | undefined;
  body: unknown;
}

const NOT_FOUND = '{"status":404,"code":"key-not-found","title":""}';
const CLIENTS =
  '{"clients":[{"ref":"aaaaaaaaaaaaaaaa","key":"gone"},{"ref":"bbbbbbbbbbbbbbbb","key":"other"}],"cursor":null}';

/** Answers as the calls for keys do, and keeps what they were called with. */
let calls: Call[];
const server = createServer((request, response) => {
  void (async () => {
    const body = await text(request);
    const key = request.headers['x-api-key'];
    calls.push({
      line: `${request.method} ${request.url}`,
      key: typeof key === 'string' ? key : undefined,
      body: body === '' ? undefined : JSON.parse(body),
    });
    response.setHeader('content-type', 'application/json');
    if (request.method === 'POST' && refusal !== null) response.writeHead(refusal.status).end(JSON.stringify(refusal));
    else if (request.method === 'POST') response.writeHead(201).end('{"id":"jobs","key":"jobs.made-there"}');
    else if (request.method === 'DELETE' && request.url?.includes('/gone') === true)
      response.writeHead(404).end(NOT_FOUND);
    else if (request.url?.startsWith('/v1/clients') === true)
      response.end(request.method === 'DELETE' ? '{}' : CLIENTS);
    else if (request.method === 'DELETE') response.end('{"id":"jobs","clients":3}');
    else response.end('{"keys":[],"cursor":null}');
  })();
});
let controlUrl: string;
/** What new keys are answered with; null: they are made. */
let refusal: { status: number; code: string; title: string } | null;

beforeEach(async () => {
  calls = [];
  refusal = null;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  controlUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

async function ran(args: string[], environment: Record<string, string> = {}, input?: string) {
  const terminal = recordingTerminal({ environment, ...(input === undefined ? {} : { input }) });
  const exitCode = await run(['key', ...args, '--json'], terminal);
  expect({ exitCode, err: terminal.errLines }).toEqual({ exitCode: 0, err: [] });
  return JSON.parse(terminal.outLines.join('')) as unknown;
}

describe('with a control URL and a key', () => {
  it('create makes the key over the API, with what the keys file holds of it', async () => {
    const named = ['--control', controlUrl, '--key', 'admin.secret'];
    const created = await ran(['create', '--id', 'jobs', '--publish', 'a.**', '--max-clients', '5', ...named]);
    expect(created).toEqual({ id: 'jobs', key: 'jobs.made-there', file: null, readBy: controlUrl });
    const can = { register: false, subscribe: [], publish: ['a.**'], manage: [], create: [], presence: [] };
    const body = { id: 'jobs', maxClients: 5, maxTopics: null, maxHistoryMessages: null, expiresAt: null, can };
    expect(calls).toEqual([{ line: 'POST /v1/keys', key: 'admin.secret', body }]);
  });

  it('create --pusher makes the app here, and its secret is in the keys file and on the terminal alone', async () => {
    const named = ['--control', controlUrl, '--key', 'admin.secret'];
    const created = await ran(['create', '--id', 'jobs', '--pusher', '--client-events', ...named]);
    const { pusher } = created as { pusher: Record<string, string> };
    expect(pusher).toEqual({
      appId: expect.stringMatching(/^\d{9}$/),
      key: expect.stringMatching(/^[0-9a-f]{20}$/),
      secret: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(calls).toMatchObject([
      { line: 'POST /v1/keys', body: { id: 'jobs', pusher: { ...pusher, clientEvents: true } } },
    ]);
  });

  it('from variables, too, and revoke unregisters the clients there', async () => {
    const environment = { HOLDFAST_CONTROL_URL: controlUrl, HOLDFAST_KEY: 'admin.secret' };
    expect(await ran(['revoke', 'jobs', '--clients'], environment)).toMatchObject({
      id: 'jobs',
      clients: 3,
      remaining: 0,
    });
    expect(calls.map(({ line }) => line)).toEqual(['DELETE /v1/keys/jobs?clients=true']);
    expect(await ran(['list'], environment)).toEqual({ keys: [], file: null, readBy: controlUrl });
  });

  it('revoke --clients unregisters those that a key left that was revoked before', async () => {
    const named = ['--control', controlUrl, '--key', 'admin.secret'];
    expect(await ran(['revoke', 'gone', '--clients', ...named])).toMatchObject({ id: 'gone', clients: 1 });
    const lines = [
      'DELETE /v1/keys/gone?clients=true',
      'GET /v1/clients?limit=1000',
      'DELETE /v1/clients/aaaaaaaaaaaaaaaa',
    ];
    expect(calls.map(({ line }) => line)).toEqual(lines);
  });

  it('the file that is named is meant all the same', async () => {
    const environment = { HOLDFAST_CONTROL_URL: controlUrl, HOLDFAST_KEY: 'admin.secret' };
    expect(await ran(['list', '--file', '/nowhere/keys.json'], environment)).toMatchObject({
      file: '/nowhere/keys.json',
    });
    expect(await ran(['list'], { ...environment, API_KEYS_FILE: '/nowhere/keys.json' })).toMatchObject({
      file: '/nowhere/keys.json',
    });
    expect(calls).toEqual([]);
  });
});

describe('--key -', () => {
  it('takes the key from the first line of standard input, which no other process sees', async () => {
    const environment = { HOLDFAST_KEY: 'another.key' };
    await ran(['list', '--control', controlUrl, '--key', '-'], environment, 'admin.secret\nrest');
    expect(calls.map(({ key }) => key)).toEqual(['admin.secret']);
  });

  it('refuses an empty line, and calls nothing', async () => {
    const terminal = recordingTerminal({ environment: { HOLDFAST_KEY: 'another.key' }, input: '\n' });
    expect(await run(['keys', '--control', controlUrl, '--key', '-'], terminal)).toBe(2);
    expect(terminal.errLines.join()).toContain('--key -: the first line of standard input is empty');
    expect(calls).toEqual([]);
  });
});

describe('in a folder', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-cli-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('the private key for tokens stays when the key may have been made, and goes when it was not', async () => {
    const keyFile = join(folder, 'web.jwk.json');
    const create = async (url = controlUrl) => {
      const terminal = recordingTerminal();
      const named = ['--control', url, '--key', 'admin.secret', '--tokens', '--key-file', keyFile];
      const exitCode = await run(['key', 'create', '--id', 'web', ...named], terminal);
      return { exitCode, err: terminal.errLines.join('\n') };
    };
    refusal = { status: 409, code: 'key-exists', title: 'there' };
    expect(await create()).toMatchObject({ exitCode: 1, err: 'refused: key-exists (409): there' });
    await expect(readFile(keyFile)).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await create(`http://127.0.0.1:${await freePort()}`)).exitCode).toBe(3);
    await expect(readFile(keyFile)).rejects.toMatchObject({ code: 'ENOENT' });
    refusal = { status: 503, code: 'keys-file-unavailable', title: 'later' };
    const { exitCode, err } = await create();
    expect(exitCode).toBe(1);
    expect(err).toContain('It is not known whether key "web" was made');
    expect(err).toContain(`stays in ${keyFile}`);
    expect(JSON.parse(await readFile(keyFile, 'utf8'))).toMatchObject({ kid: 'web' });
  });

  it('revoke --clients changes nothing where the installation that reads the file is not known', async () => {
    const [other, running] = [join(folder, 'other.json'), join(folder, 'running.json')];
    const keys = `{"keys":[{"id":"other","secretSha256":"${'0'.repeat(64)}"}]}`;
    await writeFile(other, keys);
    await writeFile(running, keys);
    const installation = async () => ({
      controlUrl,
      edgeUrls: [],
      key: 'dev.s',
      keysFile: running,
      pid: process.pid,
    });
    const revoke = async (args: string[], environment: Record<string, string> = {}) => {
      const terminal = recordingTerminal({ environment, installation });
      return {
        exitCode: await run(['key', 'revoke', 'other', '--clients', ...args], terminal),
        err: terminal.errLines,
      };
    };
    const elsewhere = { HOLDFAST_CONTROL_URL: 'http://127.0.0.1:9', HOLDFAST_KEY: 'a.b' };
    for (const refused of [
      await revoke(['--file', other]),
      await revoke(['--file', other], { HOLDFAST_CONTROL_URL: controlUrl, HOLDFAST_KEY: 'a.b' }),
      await revoke(['--file', running], elsewhere),
    ]) {
      expect(refused).toMatchObject({ exitCode: 2, err: [expect.stringContaining('Nothing was changed')] });
    }
    expect(calls).toEqual([]);
    expect(await readFile(other, 'utf8')).toBe(keys);
    expect(await readFile(running, 'utf8')).toBe(keys);
    // Of the installation that was named, and refused only by its first call.
    expect(await revoke(['--file', other, '--control', 'http://127.0.0.1:9'])).toMatchObject({ exitCode: 3 });
    expect(await readFile(other, 'utf8')).toBe(keys);
  });
});
