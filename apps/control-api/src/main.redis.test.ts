import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { eventually } from '@holdfast/testkit/eventually';
import { prefix, redisUrl } from '@holdfast/testkit/redis';
import { startPrivateRedis } from '@holdfast/testkit/redis-process';
import { call } from '@holdfast/testkit/rest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

interface Service {
  child: ChildProcess;
  lines: Record<string, unknown>[];
  /** What it said on standard error. */
  complaint: () => string;
  url: () => Promise<string>;
  exit: Promise<number | null>;
}

let directory: string;
let keysFile: string;
const running: Service[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'control-api-'));
  keysFile = join(directory, 'keys.json');
});
afterEach(async () => {
  for (const service of running.splice(0)) {
    service.child.kill('SIGKILL');
    await service.exit;
  }
  await rm(directory, { recursive: true });
});

function start(env: Record<string, string>): Service {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env['PATH'], CONTROL_PORT: '0', REDIS_PREFIX: prefix(), LOG_LEVEL: 'debug', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: Record<string, unknown>[] = [];
  createInterface(child.stdout).on('line', (line) => lines.push(JSON.parse(line) as Record<string, unknown>));
  let complaint = '';
  child.stderr.on('data', (chunk) => (complaint += String(chunk)));
  const service: Service = {
    child,
    lines,
    complaint: () => complaint,
    url: () =>
      eventually(
        () => {
          const line = lines.find(({ msg }) => msg === 'listening');
          if (line === undefined) throw new Error(`does not listen: ${complaint}`);
          return String(line['address']);
        },
        { timeoutMs: 60_000 },
      ),
    exit: once(child, 'close').then(([code]) => code as number | null),
  };
  running.push(service);
  return service;
}

function keys(...ids: string[]): string {
  const secretSha256 = createHash('sha256').update('s').digest('hex');
  return JSON.stringify({ keys: ids.map((id) => ({ id, secretSha256, can: { register: true } })) });
}

const register = (url: string, key: string) => call(url, 'POST', '/v1/clients', { key });

describe('the process', () => {
  test('listens on a port of its own, says where, serves, and ends with 0 on SIGTERM', async () => {
    await writeFile(keysFile, keys('first'));
    const service = start({ REDIS_URL: redisUrl(), API_KEYS_FILE: keysFile });
    const url = await service.url();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
    await eventually(async () => expect((await call(url, 'GET', '/readyz')).status).toBe(200));
    expect((await register(url, 'first.s')).status).toBe(201);
    service.child.kill('SIGTERM');
    expect(await service.exit).toBe(0);
    expect(service.complaint()).toBe('');
  });

  test('reads the keys again when the file is written, when it is replaced, and on SIGHUP', async () => {
    await writeFile(keysFile, keys('first'));
    const service = start({ REDIS_URL: redisUrl(), API_KEYS_FILE: keysFile });
    const url = await service.url();
    await writeFile(keysFile, keys('first', 'second'));
    await eventually(async () => expect((await register(url, 'second.s')).status).toBe(201));
    await writeFile(`${keysFile}.new`, keys('third'));
    await rename(`${keysFile}.new`, keysFile);
    await eventually(async () => expect((await register(url, 'third.s')).status).toBe(201));
    expect((await register(url, 'first.s')).status).toBe(403);
    const before = service.lines.filter(({ msg }) => msg === 'API keys reloaded').length;
    service.child.kill('SIGHUP');
    await eventually(() => {
      expect(service.lines.filter(({ msg }) => msg === 'API keys reloaded').length).toBe(before + 1);
    });
  });

  test('without Redis it listens, is not ready and answers 503; when Redis comes, it serves', async () => {
    const first = await startPrivateRedis();
    await first.stop();
    await writeFile(keysFile, keys('first'));
    const service = start({ REDIS_URL: first.url, API_KEYS_FILE: keysFile });
    const url = await service.url();
    expect((await call(url, 'GET', '/healthz')).status).toBe(200);
    expect((await call(url, 'GET', '/readyz')).status).toBe(503);
    expect((await register(url, 'first.s')).status).toBe(503);
    await eventually(() => expect(service.lines.map(({ msg }) => msg)).toContain('waiting for redis'));
    const second = await startPrivateRedis({ port: first.port });
    try {
      await eventually(async () => expect((await call(url, 'GET', '/readyz')).status).toBe(200));
      expect((await register(url, 'first.s')).status).toBe(201);
    } finally {
      await second.stop();
    }
  });

  test('without keys it starts in development, warns, and answers 403', async () => {
    const service = start({ REDIS_URL: redisUrl() });
    const url = await service.url();
    expect(service.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: expect.stringContaining('403') as string }),
    );
    expect(await register(url, 'any.key')).toMatchObject({ status: 403, body: { code: 'key-unknown' } });
  });

  test.each([
    ['without a keys file', {}, 'API_KEYS_FILE must be set'],
    ['with a keys file without keys', { API_KEYS_FILE: 'empty' }, 'API_KEYS_FILE must hold at least one key'],
  ])('in production it refuses to start %s', async (_what, env: Record<string, string>, complaint) => {
    await writeFile(keysFile, keys());
    const file = env['API_KEYS_FILE'] === undefined ? {} : { API_KEYS_FILE: keysFile };
    const service = start({ NODE_ENV: 'production', REDIS_URL: redisUrl(), ...file });
    expect(await service.exit).toBe(2);
    expect(service.complaint()).toContain(complaint);
  });

  test('names every fault of its configuration and of the keys file, and exits with 2', async () => {
    const service = start({
      CONTROL_PORT: '70000',
      CONTROL_HOST: 'a b',
      REDIS_URL: 'http://x',
      NODE_ENV: 'production',
    });
    expect(await service.exit).toBe(2);
    for (const variable of ['CONTROL_PORT', 'CONTROL_HOST', 'REDIS_URL', 'API_KEYS_FILE']) {
      expect(service.complaint()).toContain(`  ${variable} must`);
    }
    await writeFile(keysFile, '{"keys":[{"id":"a b","secretSha256":"x","can":{"subscribe":["a.**.b"]},"more":1}]}');
    const broken = start({ API_KEYS_FILE: keysFile, REDIS_URL: redisUrl(), LOG_LEVEL: 'loud' });
    expect(await broken.exit).toBe(2);
    expect(broken.complaint()).toContain('  LOG_LEVEL must');
    for (const field of ['keys[0].id', 'keys[0].secretSha256', 'keys[0].can.subscribe[0]', 'keys[0].more']) {
      expect(broken.complaint()).toContain(field);
    }
  });

  test('reads the webhooks again on SIGHUP, and refuses to start with a file that is broken', async () => {
    const webhooksFile = join(directory, 'webhooks.json');
    await writeFile(webhooksFile, '{"endpoints":[]}');
    const service = start({ REDIS_URL: redisUrl(), WEBHOOKS_FILE: webhooksFile });
    await service.url();
    service.child.kill('SIGHUP');
    await eventually(() => expect(service.lines.map(({ msg }) => msg)).toContain('webhooks reloaded'));
    service.child.kill('SIGTERM');
    expect(await service.exit).toBe(0);
    await writeFile(webhooksFile, '{"endpoints":[{"id":"a b","url":"http://10.0.0.1","secret":"x"}]}');
    for (const env of [{}, { LOG_LEVEL: 'loud' }]) {
      const broken = start({ REDIS_URL: redisUrl(), WEBHOOKS_FILE: webhooksFile, ...env });
      expect(await broken.exit).toBe(2);
      for (const fault of ['WEBHOOKS_FILE must', 'endpoints[0].id', 'endpoints[0].secret']) {
        expect(broken.complaint()).toContain(fault);
      }
    }
  });

  test('says so when its port is in use, and exits with 1', async () => {
    const first = start({ REDIS_URL: redisUrl() });
    const { port } = new URL(await first.url());
    const second = start({ REDIS_URL: redisUrl(), CONTROL_PORT: port });
    expect(await second.exit).toBe(1);
    expect(second.complaint()).toContain(`port ${port} is in use`);
  });

  test('on SIGTERM answers calls under way and those on the same connection, and accepts no new connection', async () => {
    await writeFile(keysFile, keys('first'));
    const service = start({ REDIS_URL: redisUrl(), API_KEYS_FILE: keysFile });
    const { port, hostname, href } = new URL(await service.url());
    await eventually(async () => expect((await call(href, 'GET', '/readyz')).status).toBe(200));
    const socket = connect(Number(port), hostname);
    let received = '';
    socket.on('data', (chunk) => (received += String(chunk)));
    socket.write(
      'POST /v1/clients HTTP/1.1\r\nhost: x\r\nx-api-key: first.s\r\ncontent-type: application/json\r\n' +
        'content-length: 2\r\nexpect: 100-continue\r\n\r\n',
    );
    // Its headers have arrived.
    await eventually(() => expect(received).toContain('100 Continue'));
    service.child.kill('SIGTERM');
    await eventually(() => expect(service.lines.map(({ msg }) => msg)).toContain('shutting down'));
    await eventually(() => expect(call(href, 'GET', '/healthz')).rejects.toThrow('fetch failed'));
    socket.write('{}GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(socket, 'close');
    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 100', 'HTTP/1.1 201', 'HTTP/1.1 200']);
    expect(await service.exit).toBe(0);
  });
});
