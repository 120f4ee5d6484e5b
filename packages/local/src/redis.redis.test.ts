import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { isAlive } from './is-alive.ts';
import { findOrBringRedis, type FoundRedis, NoRedis, usableProgram } from './redis.ts';
import { startRedisServer } from './redis-server.ts';

/** These need the program itself: what they are about is a process of ours. */
const here = await usableProgram(process.env['PATH']);

describe.skipIf('missing' in here)('a Redis found or brought', () => {
  const program = 'program' in here ? here.program : '';
  let directory: string;
  const running: FoundRedis[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  });
  afterEach(() => Promise.all(running.splice(0).map((redis) => redis.stop())));
  afterAll(() => rm(directory, { recursive: true }));

  /** A directory for PATH that holds these programs. */
  async function pathWith(programs: Record<string, string>): Promise<string> {
    const folder = await mkdtemp(join(directory, 'path-'));
    for (const [name, source] of Object.entries(programs)) {
      if (source.startsWith('#!')) {
        await writeFile(join(folder, name), source);
        await chmod(join(folder, name), 0o755);
      } else await symlink(source, join(folder, name));
    }
    return folder;
  }

  async function find(env: Record<string, string>, more: Partial<Parameters<typeof findOrBringRedis>[0]> = {}) {
    const announced: string[] = [];
    const options = {
      announce: (line: string) => announced.push(line),
      env,
      container: 'compose',
      isRoot: false,
    } as const;
    const redis = await findOrBringRedis({ ...options, ...more });
    running.push(redis);
    return { redis, announced };
  }

  it('is what REDIS_URL says, though there is a program on PATH, and its password is not printed', async () => {
    const { redis, announced } = await find({
      REDIS_URL: 'redis://me:secret@10.0.0.1:6380/1',
      PATH: await pathWith({ 'redis-server': program }),
    });
    expect(redis).toMatchObject({ source: 'REDIS_URL', url: 'redis://me:secret@10.0.0.1:6380/1' });
    expect(announced).toEqual(['Redis: redis://me:***@10.0.0.1:6380/1, from REDIS_URL']);
  });

  it('is a redis-server on PATH before a valkey-server, and before any package', async () => {
    const path = await pathWith({
      'redis-server': program,
      'valkey-server': program,
      'apt-get': '#!/bin/sh\nexit 1\n',
    });
    const { redis, announced } = await find({ PATH: path, REDIS_URL: '' }, { isRoot: true });
    expect(redis).toMatchObject({ source: 'PATH', server: { binary: join(path, 'redis-server') } });
    expect(announced).toEqual([`Redis: ${path}/redis-server, found on PATH, started on ${redis.url}`]);
    expect(await ask(redis.url, 'PING')).toBe('+PONG');
  });

  it('is a valkey-server on PATH where the redis-server is older than 7.0', async () => {
    const path = await pathWith({
      'redis-server': '#!/bin/sh\necho "Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64"\n',
      'valkey-server': program,
    });
    const { redis } = await find({ PATH: path });
    expect(redis).toMatchObject({ source: 'PATH', server: { binary: join(path, 'valkey-server') } });
  });

  it('is, where nothing is on PATH, looked for as a package and then as a container, and each failure is reported', async () => {
    const error = await find({ PATH: await pathWith({}) }).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(NoRedis);
    expect(String(error).split('\n').slice(1)).toEqual([
      '  - REDIS_URL is not set',
      '  - neither redis-server nor valkey-server is on PATH',
      '  - there is no apt-get',
      '  - no Docker engine answers',
    ]);
    expect(String(error)).toContain('Install redis-server 7.0 or newer');
  });

  it('is the redis of docker-compose.yml where a Docker engine answers, and ended through it', async () => {
    const log = join(directory, 'docker.log');
    const docker = `#!/bin/sh\necho "$@" >> ${log}\nfor last; do :; done\n[ "$last" != 6379 ] || echo 127.0.0.1:49999\n`;
    const { redis } = await find({ PATH: await pathWith({ docker }) });
    expect(redis).toMatchObject({ source: 'docker', url: 'redis://127.0.0.1:49999' });
    await redis.stop();
    const calls = (await readFile(log, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => line.replace(/compose .*\.yml /, ''));
    expect(calls).toEqual([
      'info --format {{.ServerVersion}}',
      'up --detach --wait redis',
      'port redis 6379',
      'down --volumes',
    ]);
  });

  it('keeps nothing on disk, evicts nothing, sends wake-ups, and listens on this machine alone', async () => {
    const { redis } = await find({ PATH: await pathWith({ 'redis-server': program }) });
    const settings = [
      'save',
      'appendonly',
      'maxmemory-policy',
      'notify-keyspace-events',
      'client-output-buffer-limit',
      'bind',
    ];
    const answers = await Promise.all(settings.map((name) => ask(redis.url, `CONFIG GET ${name}`, 2)));
    expect(answers[0]).toBe('');
    expect(answers[1]).toBe('no');
    expect(answers[2]).toBe('noeviction');
    expect(answers[3]).toMatch(/^(Ks|sK)$/);
    expect(answers[4]).toContain('pubsub 268435456 134217728 60');
    expect(answers[5]).toBe('127.0.0.1');
  });

  it('takes further settings over its own', async () => {
    const { redis } = await find(
      { PATH: await pathWith({ 'redis-server': program }) },
      { args: ['--notify-keyspace-events', ''] },
    );
    expect(await ask(redis.url, 'CONFIG GET notify-keyspace-events', 2)).toBe('');
  });

  it('leaves neither process nor directory when it is stopped, also when it was frozen', async () => {
    const { redis } = await find({ PATH: await pathWith({ 'redis-server': program }) });
    const pid = redis.server?.pid ?? 0;
    const folder = await ask(redis.url, 'CONFIG GET dir', 2);
    expect(existsSync(folder)).toBe(true);
    redis.server?.kill('SIGSTOP');
    await redis.stop();
    expect(await redis.server?.exited).toEqual({ code: 0, signal: null });
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(folder)).toBe(false);
  });

  it('keeps a directory that was given, with what Redis was set to write there', async () => {
    const folder = await mkdtemp(join(directory, 'data-'));
    const { redis } = await find(
      { PATH: await pathWith({ 'redis-server': program }) },
      { directory: folder, args: ['--appendonly', 'yes'] },
    );
    await ask(redis.url, 'SET a 1');
    await redis.stop();
    expect(await readdir(folder)).toContain('appendonlydir');
  });

  it('is gone, and its directory with it, soon after a starter that was killed with SIGKILL', async () => {
    const starter = join(directory, 'starter.mjs');
    await writeFile(
      starter,
      `import { startRedisServer } from ${JSON.stringify(new URL('redis-server.ts', import.meta.url).href)};
       const server = await startRedisServer({ binary: ${JSON.stringify(program)} });
       console.log(server.pid + ' ' + server.url);`,
    );
    const parent = spawn(process.execPath, [starter]);
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const [pid, url] = line.toString().trim().split(' ') as [string, string];
    const folder = await ask(url, 'CONFIG GET dir', 2);
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect([isAlive(Number(pid)), existsSync(folder)]).toEqual([false, false]), 30_000);
  });

  describe('on a machine where somebody has the port', () => {
    const other = createServer();
    let taken: number;

    beforeAll(async () => {
      other.listen(0, '127.0.0.1');
      await once(other, 'listening');
      const address = other.address();
      taken = address !== null && typeof address === 'object' ? address.port : 0;
    });
    afterAll(() => other.close());

    it('reports what is wrong when that port was given', async () => {
      await expect(startRedisServer({ binary: program, port: taken })).rejects.toThrow(/Address already in use/);
    });

    it('takes another when it may choose, and somebody was faster', async () => {
      // Our look for a free port is out of date, once: the first start gets the port that is taken.
      const path = await pathWith({
        'redis-server': `#!/bin/sh
          case $1 in --version) exec ${program} --version ;; esac
          [ -e ${directory}/tried ] || { touch ${directory}/tried; exec ${program} "$@" --port ${taken}; }
          exec ${program} "$@"
        `,
      });
      const { redis } = await find({ PATH: path });
      expect(existsSync(join(directory, 'tried'))).toBe(true);
      expect(redis.server?.port).not.toBe(taken);
      expect(await ask(redis.url, 'PING')).toBe('+PONG');
    });
  });
});

/** The answer to one command; of an array, the bulk string at `index` from 1. */
async function ask(url: string, command: string, index = 0): Promise<string> {
  const { port } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.end(`${command}\r\n`);
  let text = '';
  for await (const part of socket.setEncoding('utf8')) text += String(part);
  const lines = text.split('\r\n');
  return lines[index * 2] ?? '';
}
