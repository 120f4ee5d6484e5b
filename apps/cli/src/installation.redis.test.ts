import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Installation, startInstallation } from '@holdfast/local/installation';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { recordingTerminal } from './testing/recording-terminal.ts';
import { run } from './run.ts';

/** A Redis, a control-api and two edges start, on a machine that runs other files as well. */
const START_WITHIN_MS = 60_000;
const WAIT = { timeout: 15_000 };

let installation: Installation;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-cli-'));
  installation = await startInstallation({ edges: 2, announce: () => {} });
  await vi.waitUntil(async () => (await holdfast('edges')).out.length === 3, WAIT);
}, START_WITHIN_MS);

afterAll(async () => {
  await installation.stop();
  await rm(directory, { recursive: true });
}, START_WITHIN_MS);

function terminalFor(interrupted = new AbortController().signal, input = '') {
  return recordingTerminal({
    environment: { HOLDFAST_CONTROL_URL: installation.controlUrl, HOLDFAST_KEY: installation.key },
    rememberedClientsDirectory: join(directory, 'clients'),
    interrupted,
    input,
  });
}

async function holdfast(...args: string[]) {
  const terminal = terminalFor();
  return { exitCode: await run(args, terminal), out: terminal.outLines, err: terminal.errLines };
}

async function answerOf(...args: string[]): Promise<Record<string, unknown>> {
  const { exitCode, out, err } = await holdfast(...args, '--json');
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: [] });
  return JSON.parse(out.join('')) as Record<string, unknown>;
}

/** Listens in the background; `stop` is Ctrl-C and gives the exit code. */
async function listening(...args: string[]) {
  const interruption = new AbortController();
  const terminal = terminalFor(interruption.signal);
  const ended = run(['listen', ...args], terminal);
  await vi.waitFor(() => expect(terminal.errLines.join('\n')).toContain('receiving'), WAIT);
  const stop = (): Promise<number> => {
    interruption.abort();
    return ended;
  };
  return { out: terminal.outLines, err: terminal.errLines, ended, stop };
}

function dataOf(lines: readonly string[]): string[] {
  return lines.map((line) => line.split(' ').slice(2).join(' '));
}

describe('topic', () => {
  it('create, list and delete work on what is there', async () => {
    const created = await answerOf('topic', 'create', 'cli.made', '--history-size', '7');
    expect(created).toMatchObject({ topic: 'cli.made', history: { size: 7 } });
    expect((await holdfast('topic', 'list')).out.join('\n')).toMatch(/cli\.made +7 messages/);
    expect(await answerOf('topic', 'delete', 'cli.made')).toEqual({ topic: 'cli.made' });
    const again = await holdfast('topic', 'delete', 'cli.made');
    expect(again).toMatchObject({ exitCode: 1, out: [] });
    expect(again.err.join('\n')).toContain('topic-not-found (404)');
  });
});

describe('topic create', () => {
  it('sets and takes back when a topic expires, and its presence', async () => {
    const presence = { by: 'client', show: 'count', limit: 9, graceSeconds: 0 };
    const given = ['--presence-show', 'count', '--presence-limit', '9', '--presence-grace', '0'];
    const create = (...options: string[]) => answerOf('topic', 'create', 'cli.room', ...options);
    expect(await create('--expire', '2h', '--presence', 'client', ...given)).toMatchObject({
      expireSeconds: 7200,
      presence,
    });
    expect((await holdfast('topic', 'list')).out.join('\n')).toMatch(
      /cli\.room .*expires after 7200 s, presence by client/,
    );
    expect(await create('--history-size', '7')).toMatchObject({ expireSeconds: 7200, presence });
    expect(await create('--expire', 'never')).toMatchObject({ expireSeconds: null, presence });
    expect(await create('--presence', 'none')).toMatchObject({ presence: null });
    expect(await create('--presence', 'user')).toMatchObject({ presence: { by: 'user', show: 'members' } });
    await answerOf('topic', 'delete', 'cli.room');
  });
});

describe('token', () => {
  it('registers the client of its user, as soon as control-api has read the keys file', async () => {
    await answerOf('topic', 'create', 'cli.token');
    const keyFile = join(directory, 'web.jwk.json');
    const rights = ['--subscribe', 'cli.*', '--file', installation.keysFile, '--tokens', '--key-file', keyFile];
    await answerOf('key', 'create', '--id', 'web', ...rights);
    const minted = await answerOf(
      'token',
      '--key-file',
      keyFile,
      '--sub',
      'ann',
      '--topics',
      'cli.token',
      '--ttl',
      '1h',
    );
    const register = () =>
      fetch(`${installation.controlUrl}/v1/clients`, {
        method: 'POST',
        headers: { authorization: `Bearer ${String(minted['token'])}` },
      });
    await vi.waitUntil(async () => (await register()).ok, WAIT);
    const { expiresAt } = minted;
    expect(await (await register()).json()).toMatchObject({ name: 'ann', topics: ['cli.token'], expiresAt });
  });
});

describe('explain', () => {
  it('shows the verdict and what it rests on, for a client named as anywhere', async () => {
    await answerOf('topic', 'create', 'cli.explain');
    await answerOf('register', '--name', 'explained', '--topics', 'cli.explain');
    const id = String((await answerOf('publish', 'cli.explain', '1'))['id']);
    const { exitCode, out } = await holdfast('explain', 'explained', 'cli.explain', id);
    expect({ exitCode, verdict: out[0] }).toEqual({ exitCode: 0, verdict: 'offline-will-resume' });
    expect(out.join('\n')).toMatch(/AT +FROM +WHAT\n.* log +The message .* was published then/);
    expect(await answerOf('explain', 'explained', 'cli.explain', id)).toMatchObject({ verdict: 'offline-will-resume' });
    expect((await holdfast('explain', 'explained', 'cli.none', id)).err.join('\n')).toContain('topic-not-found (404)');
  });
});

describe('clients', () => {
  it('are registered, subscribed, shown, unsubscribed and unregistered', async () => {
    await answerOf('topic', 'create', 'cli.clients');
    const { clientId } = await answerOf('register', '--name', 'shown');
    const id = String(clientId);
    expect(await answerOf('subscribe', id, 'cli.clients')).toMatchObject({ topics: ['cli.clients'], connected: false });
    expect((await holdfast('clients', '--all')).out.join('\n')).toMatch(new RegExp(`${id} +shown .*cli\\.clients`));
    expect((await holdfast('client', id)).out).toContain('Topics      cli.clients');
    expect(await answerOf('unsubscribe', id, 'cli.clients')).toMatchObject({ topics: [] });
    expect(await answerOf('unregister', id)).toEqual({ clientId: id });
    expect(await holdfast('client', id)).toMatchObject({ exitCode: 1, out: [] });
  });

  it('are found by name wherever an id is taken', async () => {
    await answerOf('topic', 'create', 'cli.names');
    const { clientId } = await answerOf('register', '--name', 'Ann’s phone');
    // What this command line remembers is not needed.
    await rm(join(directory, 'clients'), { recursive: true });
    expect(await answerOf('subscribe', 'Ann’s phone', 'cli.names')).toMatchObject({ clientId, topics: ['cli.names'] });
    expect(await answerOf('unsubscribe', 'Ann’s phone', 'cli.names')).toMatchObject({ topics: [] });
    expect(await answerOf('client', 'Ann’s phone')).toMatchObject({ clientId });
    expect(await answerOf('publish', '--client', 'Ann’s phone', '1')).toMatchObject({ topic: '@me' });
    const { stop, err } = await listening('Ann’s phone');
    expect(await stop()).toBe(0);
    expect(err.join('\n')).toContain('receiving');
    expect(await answerOf('unregister', 'Ann’s phone')).toMatchObject({ clientId });
    const gone = await holdfast('client', 'Ann’s phone');
    expect(gone).toMatchObject({ exitCode: 1, out: [] });
    expect(gone.err.join('')).toContain('No client of this API key is named "Ann’s phone"');
  });

  it('of tokens are shown and unregistered by name after their authorization has ended', async () => {
    const keyFile = join(directory, 'managing.jwk.json');
    const rights = ['--manage', 'cli.**', '--tokens', '--key-file', keyFile, '--file', installation.keysFile];
    const key = String((await answerOf('key', 'create', '--id', 'managing', ...rights))['presented']);
    const token = (await holdfast('token', '--key-file', keyFile, '--sub', 'ended')).out.join('');
    await vi.waitUntil(async () => {
      const headers = { authorization: `Bearer ${token}` };
      return (await fetch(`${installation.controlUrl}/v1/clients`, { method: 'POST', headers })).ok;
    }, WAIT);
    const { clientId } = await answerOf('client', 'ended', '--key', key);
    await answerOf('user', 'revoke', 'ended');
    expect((await holdfast('client', String(clientId))).err.join('')).toContain('token-revoked');
    expect(await answerOf('client', 'ended', '--key', key)).toMatchObject({ clientId, name: 'ended' });
    expect(await answerOf('unregister', 'ended', '--key', key)).toMatchObject({ clientId });
    expect((await holdfast('client', 'ended', '--key', key)).err.join('')).toContain('No client of this API key');
  });

  it('are found by a name that is remembered, for a key that may not look at clients', async () => {
    const made = await answerOf('key', 'create', '--id', 'plain', '--register', '--file', installation.keysFile);
    const key = String(made['presented']);
    await vi.waitUntil(async () => (await holdfast('register', '--key', key)).exitCode === 0, WAIT);
    const { clientId } = await answerOf('register', '--name', 'kept', '--key', key);
    expect(await answerOf('client', 'kept', '--key', key)).toMatchObject({ clientId });
    expect((await holdfast('client', 'not kept', '--key', key)).exitCode).toBe(1);
  });

  it('are listed to the limit, and it says that there are more', async () => {
    for (let number = 0; number < 3; number++) await answerOf('register');
    const { out } = await holdfast('clients', '--limit', '2');
    expect(out).toHaveLength(4);
    expect(out.at(-1)).toContain('--all');
  });
});

describe('users', () => {
  it('are shown, published to, disconnected, and their tokens revoked', async () => {
    const { clientId } = await answerOf('register', '--name', 'of-ann', '--user', 'anna', '--info', '{"name":"Ann"}');
    expect((await holdfast('client', String(clientId))).out).toEqual(
      expect.arrayContaining(['User        anna', 'Info        {"name":"Ann"}']),
    );
    expect(await answerOf('clients', '--user', 'anna')).toMatchObject({ clients: [{ clientId, user: 'anna' }] });
    expect(await answerOf('user', 'anna')).toMatchObject({
      user: 'anna',
      connected: false,
      clients: 1,
      connections: 0,
    });
    const { out, ended } = await listening('of-ann');
    await vi.waitUntil(async () => (await answerOf('user', 'show', 'anna'))['connected'] === true, WAIT);
    expect(await answerOf('user', 'publish', 'anna', '{"mail":1}')).toMatchObject({ topic: '@user' });
    await vi.waitFor(() => expect(dataOf(out)).toEqual(['{"mail":1}']), WAIT);
    expect(await answerOf('user', 'revoke', 'anna', '--issued-before', '2020-01-01')).toMatchObject({ clients: 0 });
    expect(await answerOf('user', 'disconnect', 'anna')).toMatchObject({ connections: 1 });
    expect(await ended).toBe(1);
    expect((await holdfast('user', 'publish', 'stranger', '1')).err.join('')).toContain('no-such-user (404)');
  });

  it('are named in usage', async () => {
    for (const args of [['user'], ['user', 'revoke', 'ann', '--issued-before', 'soon'], ['register', '--info', '{']]) {
      expect((await holdfast(...args)).exitCode).toBe(2);
    }
  });
});

describe('key revoke --clients', () => {
  it('takes the key out of the file and unregisters its clients, and those of no other key', async () => {
    const other = await answerOf('register', '--name', 'of-another-key');
    const made = await answerOf('key', 'create', '--id', 'leaked', '--register', '--file', installation.keysFile);
    const key = String(made['presented']);
    await vi.waitUntil(async () => (await holdfast('register', '--key', key)).exitCode === 0, WAIT);
    for (let number = 0; number < 20; number++) await answerOf('register', '--key', key);

    const own = await holdfast('key', 'revoke', 'leaked', '--clients', '--key', key, '--file', installation.keysFile);
    expect(own).toMatchObject({ exitCode: 2, out: [] });
    const revoked = await answerOf('key', 'revoke', '--id', 'leaked', '--clients', '--file', installation.keysFile);
    expect(revoked).toMatchObject({ id: 'leaked', clients: 21 });
    const { clients } = await answerOf('clients', '--all');
    expect(clients).not.toContainEqual(expect.objectContaining({ key: 'leaked' }));
    expect(clients).toContainEqual(expect.objectContaining({ clientId: other['clientId'] }));
    expect((await holdfast('register', '--key', key)).exitCode).toBe(1);
  }, 30_000);
});

describe('edges', () => {
  it('are both there', async () => {
    const { out } = await holdfast('edges');
    for (const url of installation.edgeUrls) expect(out.join('\n')).toContain(url);
  });

  it('are not shown to a key that is not known', async () => {
    const refused = await holdfast('edges', '--key', 'no.key', '--json');
    expect(refused).toMatchObject({ exitCode: 1, out: [] });
    expect(JSON.parse(refused.err.join(''))).toMatchObject({ error: { code: 'key-unknown', status: 403 } });
  });
});

async function edgeIds(): Promise<string[]> {
  const { edges } = (await answerOf('edges')) as { edges: { id: string }[] };
  return edges.map(({ id }) => id);
}

describe('edge drain and undrain', () => {
  it('empty an edge and fill it again', async () => {
    const [id = ''] = await edgeIds();
    expect(await answerOf('edge', 'drain', id)).toEqual({ id, draining: true });
    const line = async () => (await holdfast('edges')).out.find((text) => text.startsWith(id)) ?? '';
    await vi.waitFor(async () => expect(await line()).toContain('draining'), WAIT);
    expect((await holdfast('edge', 'undrain', id)).out).toEqual([`Edge ${id} takes connections again.`]);
    await vi.waitFor(async () => expect(await line()).toContain('serving'), WAIT);
  });

  it('say that there is no such edge', async () => {
    const refused = await holdfast('edge', 'drain', 'no-such-edge', '--json');
    expect(refused.exitCode).toBe(1);
    expect(JSON.parse(refused.err.join(''))).toMatchObject({ error: { code: 'edge-not-found' } });
  });
});

describe('keys', () => {
  it('are listed without secrets', async () => {
    const { out, exitCode } = await holdfast('keys');
    expect(exitCode).toBe(0);
    expect(out[0]).toMatch(/^KEY +MAY/);
    expect(out.join('\n')).toContain(installation.key.split('.')[0]);
    expect(out.join('\n')).not.toContain(installation.key.split('.')[1]);
  });
});

describe('doctor', () => {
  it('finds both edges reachable, and shows what is not well with what to do', async () => {
    const { out } = await holdfast('doctor', '--json');
    const report = JSON.parse(out.join('')) as { checks: { id: string; status: string; where: string }[] };
    const reachable = report.checks.filter(({ id }) => id === 'edge-reachable');
    expect(reachable).toMatchObject([{ status: 'ok' }]);
    for (const url of installation.edgeUrls) expect(reachable[0]?.where).toContain(url.replace('http', 'ws'));
    expect(report.checks.filter(({ status }) => status === 'fail')).toEqual([]);
    const text = await holdfast('doctor');
    expect(text.exitCode).toBe(0);
    expect(text.out.at(-1)).toMatch(/^\d+ well, \d+ to look at, 0 to mend\.$/);
    expect(text.out.join('\n')).toContain('--balancer 70s');
  });

  it('exits with 1 when a check fails', async () => {
    const ids = await edgeIds();
    onTestFinished(async () => {
      for (const id of ids) await answerOf('edge', 'undrain', id);
      await vi.waitFor(async () => expect((await holdfast('edges')).out.join()).not.toContain('draining'), WAIT);
    });
    for (const id of ids) await answerOf('edge', 'drain', id);
    await vi.waitFor(async () => {
      const { exitCode, err, out } = await holdfast('doctor');
      expect(exitCode).toBe(1);
      expect(err.join('')).toBe('1 check fails');
      expect(out.join('\n')).toMatch(/fail +edges\n +2 alive, 2 of them draining\n +Why: .*\n +Do: .*undrain/);
    }, WAIT);
  });
});

describe('listen', () => {
  it('registers, shows what is published by argument, input and to the client, and finds its client again', async () => {
    await answerOf('topic', 'create', 'cli.listen');
    const first = await listening('--register', 'again', '--topics', 'cli.listen');
    expect((await holdfast('publish', 'cli.listen', '{"n":1}')).exitCode).toBe(0);
    expect(await run(['publish', 'cli.listen', '--text'], terminalFor(undefined, 'two\n'))).toBe(0);
    const id = /client (\S+)/.exec(first.err.join('\n'))?.[1] ?? '';
    expect(await answerOf('publish', '--client', id, '[3]')).toMatchObject({ topic: '@me' });
    await vi.waitFor(() => expect(dataOf(first.out).toSorted()).toEqual(['"two"', '[3]', '{"n":1}']), WAIT);
    expect(await first.stop()).toBe(0);

    const second = await listening('--register', 'again', '--topics', 'cli.listen');
    expect(second.err.join('\n')).toContain(id);
    expect(await second.stop()).toBe(0);
  });

  it('says clearly that a name is taken by a client that it does not know', async () => {
    await answerOf('register', '--name', 'taken');
    await rm(join(directory, 'clients'), { recursive: true });
    const { exitCode, err } = await holdfast('listen', '--register', 'taken');
    expect(exitCode).toBe(1);
    expect(err.join('\n')).toContain('"taken" is registered already');
  });

  it('prints how to create a topic that does not exist, and registers no client', async () => {
    const { exitCode, err } = await holdfast('listen', '--register', 'early', '--topics', 'cli.missing');
    expect(exitCode).toBe(1);
    expect(err.join('\n')).toContain('npx holdfast topic create cli.missing');
    expect((await holdfast('clients', '--all')).out.join('\n')).not.toContain('early');
  });

  it('--token registers by the token alone, and ends with 1 when it is refused', async () => {
    await answerOf('topic', 'create', 'cli.token');
    const keyFile = join(directory, 'browsers.jwk.json');
    const rights = ['--subscribe', 'cli.token', '--tokens', '--key-file', keyFile];
    await answerOf('key', 'create', '--id', 'browsers', ...rights, '--file', installation.keysFile);
    const minted = await holdfast('token', '--key-file', keyFile, '--sub', 'eve', '--topics', 'cli.token');
    const token = minted.out.join('').trim();
    await vi.waitUntil(async () => {
      const headers = { authorization: `Bearer ${token}` };
      return (await fetch(`${installation.controlUrl}/v1/clients`, { method: 'POST', headers })).ok;
    }, WAIT);
    const { out, stop } = await listening('--token', token);
    await answerOf('publish', 'cli.token', '"for eve"');
    await vi.waitFor(() => expect(dataOf(out)).toEqual(['"for eve"']), WAIT);
    expect(await stop()).toBe(0);
    await answerOf('user', 'revoke', 'eve', '--issued-before', new Date(Date.now() + 5000).toISOString());
    const refused = await holdfast('listen', '--token', token);
    expect(refused.exitCode).toBe(1);
    expect(refused.err.join('\n')).toMatch(/The token is refused: .*revoked/);
    expect((await holdfast('listen', '--token', token, '--register', 'me')).exitCode).toBe(2);
  });

  it('--once leaves no client behind', async () => {
    const { stop } = await listening('--register', 'once', '--once');
    expect((await holdfast('clients', '--all')).out.join('\n')).toContain('once');
    expect(await stop()).toBe(0);
    expect((await holdfast('clients', '--all')).out.join('\n')).not.toContain('once');
  });

  it('--json passes the frames on as they are', async () => {
    await answerOf('topic', 'create', 'cli.raw');
    const interruption = new AbortController();
    const terminal = terminalFor(interruption.signal);
    const ended = run(['listen', '--register', '--topics', 'cli.raw', '--json'], terminal);
    await vi.waitFor(() => expect(terminal.outLines[0]).toContain('"welcome"'), WAIT);
    await answerOf('publish', 'cli.raw', '{"big": 12345678901234567890}');
    await vi.waitFor(() => expect(terminal.outLines[1]).toContain('"data":{"big": 12345678901234567890}}'), WAIT);
    interruption.abort();
    expect(await ended).toBe(0);
  });

  it('ends with 1 and says why when its client is unregistered', async () => {
    const { clientId } = await answerOf('register', '--name', 'leaving');
    const id = String(clientId);
    const { err, ended } = await listening(id);
    await answerOf('unregister', id);
    expect(await ended).toBe(1);
    expect(err.join('\n')).toContain(`Client ${id} is not registered any more`);
    expect(await holdfast('listen', id)).toMatchObject({ exitCode: 1, out: [] });
  });

  it('misses nothing when its edge is killed', async () => {
    await answerOf('topic', 'create', 'cli.killed');
    const { out, err, stop } = await listening('--register', 'survivor', '--topics', 'cli.killed');
    await answerOf('publish', 'cli.killed', '1');
    await vi.waitFor(() => expect(dataOf(out)).toEqual(['1']), WAIT);
    const edge = installation.edges.find(({ url }) =>
      err.join('\n').includes(`connected to ${url.replace('http', 'ws')}`),
    );
    edge?.kill('SIGKILL');
    await edge?.exited;
    for (const text of ['2', '3', '4']) await answerOf('publish', 'cli.killed', text);
    await vi.waitFor(() => expect(dataOf(out)).toEqual(['1', '2', '3', '4']), WAIT);
    expect(err.join('\n')).toContain('reconnecting');
    expect(await stop()).toBe(0);
  });
});
