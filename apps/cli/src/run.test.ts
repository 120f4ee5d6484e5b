import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiKeysFile } from '@holdfast/protocol/api-key';
import type { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildProgram, run } from './run.ts';
import { recordingTerminal } from './testing/recording-terminal.ts';

let directory: string;
let keysFile: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-cli-'));
  keysFile = join(directory, 'api-keys.json');
});

afterEach(() => rm(directory, { recursive: true }));

async function holdfast(...args: string[]) {
  const terminal = recordingTerminal({ environment: { API_KEYS_FILE: keysFile }, input: '' });
  return { exitCode: await run(args, terminal), out: terminal.outLines, err: terminal.errLines };
}

describe('key', () => {
  it('create makes a key with these rights, shows its secret once, and the line to use it', async () => {
    const args = [
      '--id',
      'mobile',
      '--register',
      '--subscribe',
      'news.*',
      '--subscribe',
      'user.**',
      '--publish',
      '@clients',
    ];
    const { exitCode, out } = await holdfast(
      'key',
      'create',
      ...args,
      '--max-clients',
      '5',
      '--expires-at',
      '2999-01-01',
    );
    expect(exitCode).toBe(0);
    const presented = /mobile\.[\w-]{20,}/.exec(out.join('\n'))?.[0];
    expect(out).toContain(`  export HOLDFAST_KEY=${presented}`);
    const text = await readFile(keysFile, 'utf8');
    expect(text).not.toContain(presented?.slice('mobile.'.length));
    expect(apiKeysFile.parse(JSON.parse(text)).keys).toMatchObject([
      {
        id: 'mobile',
        maxClients: 5,
        expiresAt: '2999-01-01T00:00:00.000Z',
        can: { register: true, subscribe: ['news.*', 'user.**'], publish: ['@clients'], manage: [] },
      },
    ]);
  });

  it('create --json gives the secret to scripts', async () => {
    const { out } = await holdfast('key', 'create', '--id', 'a', '--register', '--json');
    expect(JSON.parse(out.join(''))).toMatchObject({
      id: 'a',
      key: expect.stringMatching(/^a\.[\w-]{20,}$/),
      file: keysFile,
      readBy: null,
    });
  });

  it('create refuses a key that could do nothing, an id that is taken, and a pattern that is none', async () => {
    expect(await holdfast('key', 'create', '--id', 'a')).toMatchObject({ exitCode: 2, out: [] });
    expect((await holdfast('key', 'create', '--id', 'a', '--register')).exitCode).toBe(0);
    const again = await holdfast('key', 'create', '--id', 'a', '--register');
    expect(again).toMatchObject({ exitCode: 2, out: [] });
    expect(again.err.join('\n')).toContain('"a"');
    expect(await holdfast('key', 'create', '--id', 'b', '--subscribe', 'a..b')).toMatchObject({ exitCode: 2, out: [] });
    expect((await holdfast('key', 'list', '--json')).out.join('')).not.toContain('"b"');
  });

  it('list shows what each key may, and no hash', async () => {
    await holdfast('key', 'create', '--id', 'a', '--manage', '**', '--publish', 'x,y');
    expect((await holdfast('key', 'list')).out).toEqual([
      'KEY  MAY                     CLIENTS     EXPIRES',
      'a    publish x,y; manage **  any number  never',
      '',
      expect.stringContaining(`In ${keysFile}. `),
    ]);
    expect((await holdfast('key', 'list', '--json')).out.join('')).not.toMatch(/[0-9a-f]{64}/);
  });

  it('create --pusher prints the lines of an .env, and list shows the app without its secret', async () => {
    await holdfast('key', 'create', '--id', 'a', '--register');
    await chmod(keysFile, 0o644);
    const { out } = await holdfast('key', 'create', '--id', 'laravel', '--pusher', '--client-events');
    const of = (name: string) =>
      out
        .map((line) => line.trim())
        .find((line) => line.startsWith(`${name}=`))
        ?.split('=')[1];
    expect((await stat(keysFile)).mode & 0o777).toBe(0o600);
    expect(out.join('\n')).toContain(`${keysFile} was 644 and is 600 now: only its owner can read it. A control-api`);
    const { keys } = JSON.parse(await readFile(keysFile, 'utf8')) as { keys: { pusher?: object }[] };
    const [appId, key, secret] = ['PUSHER_APP_ID', 'PUSHER_APP_KEY', 'PUSHER_APP_SECRET'].map(of);
    expect(keys[1]?.pusher).toMatchObject({ appId, key, secret, clientEvents: true });
    const listed = (await holdfast('key', 'list')).out.join('\n');
    expect(listed).toContain(`app ${appId}`);
    expect(listed + (await holdfast('key', 'list', '--json')).out.join('')).not.toContain(secret);
  });

  it('create --pusher says nothing of the mode of a file that stays as it is, and with --json says how it changed', async () => {
    await holdfast('key', 'create', '--id', 'a', '--pusher');
    expect((await holdfast('key', 'create', '--id', 'b', '--pusher')).out.join('\n')).not.toContain('The mode of');
    const asJson = async (id: string) =>
      JSON.parse((await holdfast('key', 'create', '--id', id, '--pusher', '--json')).out.join('')) as object;
    expect(await asJson('c')).not.toHaveProperty('fileMode');
    await chmod(keysFile, 0o644);
    expect(await asJson('d')).toMatchObject({ fileMode: { before: '644', after: '600' } });
  });

  it('revoke takes a key out, and says when there is none', async () => {
    await holdfast('key', 'create', '--id', 'a', '--register');
    expect((await holdfast('key', 'revoke', 'a')).exitCode).toBe(0);
    const { out } = await holdfast('key', 'list', '--json');
    expect(JSON.parse(out.join(''))).toEqual({ keys: [], file: keysFile, readBy: null });
    const again = await holdfast('key', 'revoke', 'a');
    expect(again).toMatchObject({ exitCode: 1, out: [] });
    expect(again.err[0]).toBe(`There is no key "a" in ${keysFile}.`);
  });

  it('list says which keys have expired, and what that means for their clients', async () => {
    const old = { id: 'old', secretSha256: '0'.repeat(64), expiresAt: '2001-01-01T00:00:00Z', can: { register: true } };
    await writeFile(keysFile, JSON.stringify({ keys: [old] }));
    const { out } = await holdfast('key', 'list');
    expect(out[1]).toMatch(/^old +register +any number +expired 2001-01-01T00:00:00Z$/);
    expect(out.join(' ')).toMatch(
      /Expired: old\. .*stay registered and connected until "npx holdfast key revoke old --clients"/,
    );
    expect(JSON.parse((await holdfast('key', 'list', '--json')).out.join(''))).toMatchObject({
      keys: [{ id: 'old', expired: true }],
    });
  });

  it('leaves a broken file alone', async () => {
    await writeFile(keysFile, 'not json');
    expect((await holdfast('key', 'create', '--id', 'a', '--register')).exitCode).toBe(2);
    expect(await readFile(keysFile, 'utf8')).toBe('not json');
  });
});

describe('usage', () => {
  it.each([
    [['nonsense']],
    [['topic']],
    [['topic', 'create']],
    [['topic', 'create', 'a', '--history-size', 'many']],
    [['topic', 'create', 'a', '--expire', '10']],
    [['topic', 'create', 'a', '--presence', 'everyone']],
    [['topic', 'create', 'a', '--presence-limit', '10']],
    [['topic', 'create', 'a', '--presence', 'none', '--presence-show', 'count']],
    [['key', 'create', '--register']],
    [['key', 'create', '--id', 'a', '--client-events', '--register']],
    [['subscribe', 'id', ',']],
    [['listen']],
    [['listen', 'id', '--register', 'me']],
    [['listen', 'id', '--url', 'http://127.0.0.1:7701']],
    [['publish']],
    [['publish', '--client', 'id', '1', '2']],
    [['publish', 'news', '{a:1}']],
    [['publish', 'news']],
    [['edges', '--control', 'somewhere']],
    [['edges', '--nope']],
    [['edges', '--control', 'ws://127.0.0.1:7701']],
    [['history', 'news', '--limit', '0']],
    [['completion', 'tcsh']],
    [['key', 'create', '--id', 'a', '--register', '--control', 'http://127.0.0.1:7700']],
  ])('%j ends with 2, says why, and prints no answer', async (args) => {
    const { exitCode, out, err } = await holdfast(...args);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: [] });
    expect(err.join('')).not.toBe('');
  });

  it('says what is wrong as JSON to scripts', async () => {
    const { err } = await holdfast('publish', 'news', '{a:1}', '--json');
    expect(JSON.parse(err.join(''))).toMatchObject({ error: { code: 'not-json' } });
    for (const [args, detail] of [
      [['topics'], "unknown command 'topics'"],
      [
        ['history', 'a', '--limit', 'x'],
        "option '--limit <number>' argument 'x' is invalid. A whole number is needed.",
      ],
      [['topic'], 'Name a command: see --help.'],
    ] as const) {
      const wrong = await holdfast(...args, '--json');
      expect(JSON.parse(wrong.err.join(''))).toEqual({
        error: { code: 'usage', detail: expect.stringContaining(detail) },
      });
    }
  });

  it('of every command is explained with an example', async () => {
    const leaves: string[][] = [];
    const walk = (command: Command, path: string[]): void => {
      const children = command.createHelp().visibleCommands(command);
      if (children.length === 0 && command.name() !== 'help') leaves.push(path);
      for (const child of children) walk(child, [...path, child.name()]);
    };
    walk(buildProgram(recordingTerminal()), []);
    expect(leaves.length).toBeGreaterThan(12);
    for (const leaf of leaves) {
      const { exitCode, out } = await holdfast(...leaf, '--help');
      expect(exitCode).toBe(0);
      expect(out.join('\n')).toContain(`$ npx holdfast ${leaf.join(' ')}`);
    }
  });
});

describe('--version', () => {
  it('names the versions of Holdfast, Node and the protocol, also as JSON', async () => {
    expect(await holdfast('--version')).toEqual({
      exitCode: 0,
      out: [
        expect.stringMatching(/^holdfast \d+\.\d+\.\d+/),
        `Node     ${process.versions.node}`,
        'protocol 1 (holdfast.v1)',
      ],
      err: [],
    });
    for (const args of [
      ['--version', '--json'],
      ['--json', '-V'],
    ]) {
      expect(JSON.parse((await holdfast(...args)).out.join(''))).toMatchObject({
        protocol: 1,
        subprotocol: 'holdfast.v1',
      });
    }
  });
});

describe('an installation', () => {
  it('that does not answer ends with 3 and says where it was looked for', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const controlUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const terminal = recordingTerminal({ environment: { HOLDFAST_CONTROL_URL: controlUrl } });
    expect(await run(['edges'], terminal)).toBe(3);
    expect(terminal.errLines.join('\n')).toContain(`${controlUrl} does not answer`);
    await new Promise((resolve) => server.close(resolve));
  });

  it('is not waited for after Ctrl-C', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const controlUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const interruption = new AbortController();
    server.on('connection', (socket) => {
      socket.on('error', () => interruption.abort()).on('data', () => interruption.abort());
    });
    const terminal = recordingTerminal({ interrupted: interruption.signal });
    expect(await run(['edges', '--control', controlUrl], terminal)).toBe(130);
    await new Promise((resolve) => server.close(resolve));
  });
});
