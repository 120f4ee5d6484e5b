import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** Each test starts a few processes, on a machine that runs other files as well. */
const WITHIN_MS = 60_000;

const bin = fileURLToPath(new URL('../bin/holdfast.js', import.meta.url));
/** Makes this Node say that it is one that cannot run TypeScript. */
const OLD_NODE =
  'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.1.0"}})';

function holdfast(nodeArgs: string[], args: string[]): ChildProcess {
  return spawn(process.execPath, [...nodeArgs, bin, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function result(child: ChildProcess) {
  const [out, err, [code, signal]] = await Promise.all([
    child.stdout === null ? '' : text(child.stdout),
    child.stderr === null ? '' : text(child.stderr),
    once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  return { out, err, code, signal };
}

describe.each([
  ['a Node that runs TypeScript', []],
  ['an older Node', ['--import', OLD_NODE]],
])('bin/holdfast.js on %s', { timeout: WITHIN_MS }, (_which, nodeArgs) => {
  it('passes on arguments, output and exit code', async () => {
    const help = await result(holdfast(nodeArgs, ['topic', 'create', '--help']));
    expect(help).toMatchObject({ err: '', code: 0 });
    expect(help.out).toContain('npx holdfast topic create');
    const wrong = await result(holdfast(nodeArgs, ['publish', 'a', '{']));
    expect(wrong).toMatchObject({ out: '', code: 2 });
    expect(wrong.err).toContain('not JSON');
  });

  it('passes on signals', async () => {
    // A control API that never answers: the command is in the middle of its call when the signal comes.
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const child = holdfast(nodeArgs, ['edges', '--control', `http://127.0.0.1:${port}`]);
    server.on('connection', (socket) => {
      socket.on('error', () => socket.destroy()).on('data', () => child.kill('SIGTERM'));
    });
    expect(await result(child)).toMatchObject({ out: '', err: '', code: 130 });
    server.close();
  });
});
