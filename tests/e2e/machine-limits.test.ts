import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type Socket, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRest } from '@holdfast/client/rest';
import { freePort } from '@holdfast/local/free-port';
import { createKey } from '@holdfast/keys-file/keys-file';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { eventually } from '@holdfast/testkit/eventually';
import { prefix } from '@holdfast/testkit/redis';
import { type PrivateRedis, startPrivateRedis } from '@holdfast/testkit/redis-process';
import { call } from '@holdfast/testkit/rest';
import { openSocket } from '@holdfast/testkit/socket';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

const START_MS = 20_000;
const FEW_DESCRIPTORS = 400;
const FLOOD = 600;
const BEATS = 5;
const NO_WARNINGS = '--disable-warning=ExperimentalWarning';

let redis: PrivateRedis;
beforeAll(async () => {
  redis = await startPrivateRedis();
}, START_MS);
afterAll(() => redis.stop());

interface Started {
  child: ChildProcess;
  url: string;
  output: () => string;
}

/** A service as its unit runs it, under a limit of the machine. */
async function start(
  app: 'control-api' | 'socket-edge',
  env: Record<string, string>,
  { descriptors = 'unchanged', stdout }: { descriptors?: number | 'unchanged'; stdout?: number } = {},
): Promise<Started> {
  const port = String(await freePort());
  const limit = descriptors === 'unchanged' ? '' : `ulimit -n ${descriptors};`;
  const program = join(repositoryRoot, 'apps', app, 'src/main.ts');
  const child = spawn('sh', ['-c', `${limit} exec "$@"`, 'sh', process.execPath, NO_WARNINGS, program], {
    env: {
      PATH: process.env['PATH'],
      REDIS_URL: redis.url,
      CONTROL_PORT: port,
      EDGE_PORT: port,
      EDGE_DRAIN_SECONDS: '0',
      ...env,
    },
    stdio: ['ignore', stdout ?? 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += String(chunk)));
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return { child, url: `http://127.0.0.1:${port}`, output: () => output };
}

async function becomesReady({ url, output }: Started): Promise<void> {
  await eventually(
    async () => expect((await call(url, 'GET', '/readyz').catch(() => ({ status: output() }))).status).toBe(200),
    { timeoutMs: START_MS },
  );
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^holdfast_${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(text)?.[1]);
}

async function withKey(): Promise<{ env: Record<string, string>; key: string; keysFile: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'machine-limits-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const keysFile = join(directory, 'keys.json');
  const can = { register: true, subscribe: ['**'], publish: ['**'], manage: ['**'] };
  const { presented: key } = await createKey(keysFile, { id: 'test', can });
  return { env: { REDIS_PREFIX: prefix(), API_KEYS_FILE: keysFile }, key, keysFile };
}

describe('a log on a full disk', () => {
  it('ends neither service, cuts no connection, and is counted', async () => {
    const { env, key } = await withKey();
    const full = openSync('/dev/full', 'w');
    onTestFinished(() => closeSync(full));
    const control = await start('control-api', env, { stdout: full });
    const edge = await start('socket-edge', { ...env, LOG_LEVEL: 'debug' }, { stdout: full });
    await Promise.all([becomesReady(control), becomesReady(edge)]);
    const rest = createRest({ controlUrl: control.url, key });
    const { clientId } = await rest.register();
    const socket = await openSocket(edge.url.replace('http', 'ws'), { client: clientId });
    await socket.next('welcome');

    // Each is a line of the audit log.
    for (let number = 0; number < 10; number += 1) await rest.createTopic(`full.${number}`);
    await rest.subscribe(clientId, ['full.1']);
    await socket.next('subscribed');
    await rest.publish('full.1', 1);
    await socket.next('message');
    expect(await metric(control.url, 'log_lines_dropped_total')).toBeGreaterThanOrEqual(10);
    expect(await metric(edge.url, 'log_lines_dropped_total')).toBeGreaterThan(0);
    for (const { child } of [control, edge]) {
      expect(child.exitCode).toBeNull();
      child.kill('SIGTERM');
      expect(await once(child, 'exit')).toEqual([0, null]);
    }
    expect(control.output() + edge.output()).toBe('');
  }, 60_000);
});

/** Connects again whenever it is closed: what is there is never enough. */
function flood(url: string): { stop: () => void; opened: () => number } {
  const { port } = new URL(url);
  const sockets = new Set<Socket>();
  let opened = 0;
  let stopped = false;
  const open = (): void => {
    if (stopped) return;
    const socket = connect(Number(port), '127.0.0.1').resume();
    sockets.add(socket);
    opened += 1;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      setTimeout(open, 20);
    });
  };
  for (let number = 0; number < FLOOD; number += 1) open();
  return {
    opened: () => opened,
    stop: () => {
      stopped = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}

describe('an edge that more sockets come to than it has descriptors for', () => {
  it('keeps its lease, and its way to Redis also when that is lost meanwhile', async () => {
    const admin = new Redis(redis.url);
    onTestFinished(() => admin.disconnect());
    const env = { REDIS_PREFIX: prefix() };
    const edge = await start('socket-edge', env, { descriptors: FEW_DESCRIPTORS });
    await becomesReady(edge);
    const [key = ''] = await admin.keys(`${env.REDIS_PREFIX}edge:*`);
    const waves = flood(edge.url);
    onTestFinished(waves.stop);

    const renewed = async (): Promise<void> => {
      await admin.pexpire(key, 8_000);
      await eventually(async () => expect(await admin.pttl(key)).toBeGreaterThan(8_000), { timeoutMs: 5_000 });
    };
    await eventually(() => expect(waves.opened()).toBeGreaterThan(2 * FLOOD));
    for (let beat = 0; beat < BEATS; beat += 1) await renewed();
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    for (let beat = 0; beat < BEATS; beat += 1) await renewed();
    waves.stop();
    await becomesReady(edge);
    expect(await metric(edge.url, 'leases_lapsed_total')).toBe(0);
    expect(edge.output()).not.toContain('"level":"error"');
  }, 60_000);

  it('does not start where the limit leaves it fewer than 100', async () => {
    const { child, output } = await start('socket-edge', { EDGE_HOST: '0.0.0.0' }, { descriptors: 300 });
    expect(await once(child, 'exit')).toEqual([2, null]);
    expect(output()).toContain('EDGE_MAX_CONNECTIONS must fit the limit of open files (ulimit -n), which is 300');
    expect(output()).toContain('EDGE_ADVERTISE_URL must be set when EDGE_HOST is 0.0.0.0');
  });
});
