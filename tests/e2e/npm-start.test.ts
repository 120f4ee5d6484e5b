import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isAlive } from '@holdfast/local/is-alive';
import { eventually } from '@holdfast/testkit/eventually';
import { childrenOf, commandOf, descendantsOf } from '@holdfast/testkit/processes';
import { startPrivateRedis } from '@holdfast/testkit/redis-process';
import { call } from '@holdfast/testkit/rest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pageBlocks } from '@holdfast/snippets/pages';

const repositoryRoot = resolve(import.meta.dirname, '../..');
const MAIN = join(repositoryRoot, 'apps/dev/src/main.ts');
/** Where npm puts the commands of a repository; `npx holdfast` runs the one from here. */
const COMMANDS = join(repositoryRoot, 'node_modules/.bin');
/** Several processes have to start, with other files at work. */
const UP_MS = 30_000;

/** The last line of the greeting. */
const UP = /Ctrl-C stops it all\./;

interface Run {
  process: ChildProcess;
  pid: number;
  output: () => string;
  ended: Promise<{ code: number | null; signal: string | null }>;
}

/** npm start, in a folder of its own and on ports of its own, and with a Redis of its own. */
describe('npm start', () => {
  let directory: string;
  const runs: Run[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  });
  afterEach(async () => {
    for (const { process: child, ended } of runs.splice(0)) {
      child.kill('SIGTERM');
      await ended;
    }
    await rm(directory, { recursive: true });
  });

  function run(command: string, args: readonly string[], env: Record<string, string> = {}): Run {
    const child = spawn(command, args, {
      cwd: directory,
      env: { PATH: `${COMMANDS}:${process.env['PATH'] ?? ''}`, HOME: directory, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C of a terminal goes to a group.
      detached: true,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes: Buffer) => (output += bytes.toString()));
    const ended = once(child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as string | null,
    }));
    const started = { process: child, pid: child.pid ?? 0, output: () => output, ended };
    runs.push(started);
    return started;
  }

  const start = (env: Record<string, string> = {}) =>
    run(process.execPath, [MAIN], { CONTROL_PORT: '0', EDGE_PORT: '0', ...env });

  async function up(): Promise<Run & { controlUrl: string; key: string; lines: string[] }> {
    const started = start();
    await printed(started, UP);
    const text = started.output();
    const lines = text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => /^(npx|curl) /.test(line));
    const { controlUrl, key } = await stateFile();
    return { ...started, controlUrl, key, lines };
  }

  async function stateFile(): Promise<{ controlUrl: string; edgeUrls: string[]; key: string }> {
    return JSON.parse(await readFile(join(directory, '.holdfast/installation.json'), 'utf8'));
  }

  it('is what the README starts', async () => {
    const blocks = await pageBlocks('README.md');
    const lines = blocks
      .filter(({ marks }) => marks.testedBy === 'tests/e2e/npm-start.test.ts')
      .flatMap(({ code }) => code.trim().split('\n'))
      .map((line) => line.replace(/\s+#.*$/, ''));
    expect(lines).toEqual(['npm ci && npm start', 'npm ci && npm test', 'npm ci && npm start']);
    const { scripts } = JSON.parse(await readFile(join(repositoryRoot, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(scripts['start']).toMatch(/exec node (\S+)$/);
    expect(MAIN.endsWith(scripts['start']?.split(' ').at(-1) ?? '')).toBe(true);
  });

  it('prints three lines that work as they are printed, one after the other', async () => {
    const { lines, output } = await up();
    expect(output()).toMatch(/^Redis: /);
    expect(lines).toHaveLength(3);
    const [listen = '', publish = '', curl = ''] = lines;

    const listening = run('/bin/sh', ['-c', `exec ${npx(listen)}`]);
    await printed(listening, /receiving news\.sport/);
    const published = run('/bin/sh', ['-c', npx(publish)]);
    expect(await outcome(published)).toBe('exit 0');
    await eventually(() => expect(listening.output().match(/"goal":\s*1/g)).toHaveLength(1));
    const curled = run('/bin/sh', ['-c', `exec ${curl} --silent --show-error --fail`]);
    expect(await outcome(curled)).toBe('exit 0');
    await eventually(() => expect(listening.output().match(/"goal":\s*1/g)).toHaveLength(2));
  });

  it('prints the address of the console, with the key where no server sees it', async () => {
    const { output, controlUrl, key } = await up();
    const [, address = ''] = /Console\s+(\S+)/.exec(output()) ?? [];
    expect(address).toBe(`${controlUrl}/console#key=${key}`);
    const page = await fetch(address);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  });

  it('ends everything it started by Ctrl-C, also when npm passes it on a second time', async () => {
    const started = await up();
    const { pid, process: main, output } = started;
    const children = descendantsOf(pid);
    // Redis, control-api, two edges, and the shell that waits beside each.
    expect(children.length).toBeGreaterThanOrEqual(8);
    process.kill(-pid, 'SIGINT');
    main.kill('SIGINT');
    expect(await outcome(started)).toBe('exit 0');
    expect(output()).toMatch(/Stopping.*Stopped\.\n$/s);
    await eventually(() => expect(children.filter(isAlive)).toEqual([]));
    await expect(stateFile()).rejects.toThrow('ENOENT');
  });

  it('ends everything when the shell is ended through which npm starts it', async () => {
    const shell = run('/bin/sh', ['-c', `'${process.execPath}' '${MAIN}'; exit`], {
      CONTROL_PORT: '0',
      EDGE_PORT: '0',
      npm_lifecycle_event: 'start',
    });
    await printed(shell, UP);
    const children = descendantsOf(shell.pid);
    expect(children.length).toBeGreaterThanOrEqual(9);
    shell.process.kill('SIGTERM');
    await printed(shell, /Stopped\.\n$/);
    await eventually(() => expect(children.filter(isAlive)).toEqual([]));
  });

  it('leaves nothing running when it is killed with SIGKILL', async () => {
    const { pid, process: main } = await up();
    const children = descendantsOf(pid);
    main.kill('SIGKILL');
    await eventually(() => expect(children.filter(isAlive)).toEqual([]), { timeoutMs: UP_MS });
  });

  it('starts what dies again, and says so: an edge, control-api, Redis with its topics', async () => {
    const started = await up();
    const { pid, controlUrl, key } = started;
    for (const [program, name] of [
      ['socket-edge', 'socket-edge-[12]'],
      ['control-api', 'control-api'],
      ['redis-server|valkey-server', 'Redis'],
    ] as const) {
      const [victim = 0] = childrenOf(pid).filter((child) => new RegExp(program).test(commandOf(child)));
      process.kill(victim, 'SIGKILL');
      await printed(
        started,
        new RegExp(`${name} ended \\(signal SIGKILL\\), starting it again.*${name} runs again`, 's'),
      );
    }
    await eventually(async () => {
      const answer = await call(controlUrl, 'POST', '/v1/topics/chat/messages', { key, body: 1 });
      expect(answer.status).toBe(202);
    });
    const { edgeUrls } = await stateFile();
    for (const url of edgeUrls) {
      await eventually(async () => expect((await fetch(`${url.replace(/^ws/, 'http')}/readyz`)).status).toBe(200));
    }
  });

  it('keeps its key from one start to the next', async () => {
    const first = await up();
    first.process.kill('SIGTERM');
    expect(await outcome(first)).toBe('exit 0');
    expect((await up()).key).toBe(first.key);
  });

  it('names a port in use and the variable to change, exits 1 and has started nothing', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const blocked = start({ CONTROL_PORT: String(port) });
    expect(await blocked.ended).toEqual({ code: 1, signal: null });
    expect(blocked.output()).toBe(
      `Port ${port} (CONTROL_PORT) is in use. Stop what uses it, or choose another by CONTROL_PORT.\n`,
    );
    other.close();
  });

  it('goes on when the Redis of REDIS_URL comes after all', async () => {
    const early = await startPrivateRedis();
    await early.stop();
    const waiting = start({ REDIS_URL: early.url });
    await printed(waiting, /does not answer/);
    expect(waiting.output()).not.toMatch(UP);
    const redis = await startPrivateRedis({ port: early.port });
    try {
      await printed(waiting, UP);
      waiting.process.kill('SIGTERM');
      expect(await outcome(waiting)).toBe('exit 0');
    } finally {
      await redis.stop();
    }
  });

  it('is stopped by SIGTERM while it waits for a Redis that is away', async () => {
    const waiting = start({ REDIS_URL: 'redis://127.0.0.1:1' });
    await printed(
      waiting,
      /^Redis at redis:\/\/127\.0\.0\.1:1 does not answer: .*ECONNREFUSED.* Waiting for it: start it/m,
    );
    const children = descendantsOf(waiting.pid);
    waiting.process.kill('SIGTERM');
    expect(await outcome(waiting)).toBe('exit 0');
    await eventually(() => expect(children.filter(isAlive)).toEqual([]));
  });
});

/** Waits until it has printed this, or has ended without. */
async function printed({ output, ended }: Run, text: RegExp): Promise<void> {
  await Promise.race([eventually(() => expect(output()).toMatch(text), { timeoutMs: UP_MS }), ended]);
  expect(output()).toMatch(text);
}

/** "exit 0", or how else it ended and what it printed. */
async function outcome({ ended, output }: Run): Promise<string> {
  const { code, signal } = await ended;
  return code === 0 ? 'exit 0' : `${signal ?? `exit ${code}`}: ${output()}`;
}

/** npx starts npm to find a command that is on PATH here: half a second, and a process that outlives its signals. */
function npx(line: string): string {
  return line.replace(/^npx /, '');
}
