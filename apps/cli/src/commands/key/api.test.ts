import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
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
    if (request.method === 'POST') response.writeHead(201).end('{"id":"jobs","key":"jobs.made-there"}');
    else if (request.method === 'DELETE' && request.url?.includes('/gone') === true)
      response.writeHead(404).end(NOT_FOUND);
    else if (request.url?.startsWith('/v1/clients') === true)
      response.end(request.method === 'DELETE' ? '{}' : CLIENTS);
    else if (request.method === 'DELETE') response.end('{"id":"jobs","clients":3}');
    else response.end('{"keys":[],"cursor":null}');
  })();
});
let controlUrl: string;

beforeEach(async () => {
  calls = [];
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  controlUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

async function ran(args: string[], environment: Record<string, string> = {}) {
  const terminal = recordingTerminal({ environment });
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
