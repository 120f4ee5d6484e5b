import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Installation, startInstallation } from '@holdfast/local/installation';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { recordingTerminal } from './testing/recording-terminal.ts';
import { run } from './run.ts';

/** Two installations start one after the other, on a machine that runs other files as well. */
const WITHIN_MS = 60_000;
const WAIT = { timeout: 20_000 };

let directory: string;
let installation: Installation | null = null;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-cli-'));
});

afterEach(async () => {
  await installation?.stop();
  await rm(directory, { recursive: true });
}, WITHIN_MS);

/** As `npm start` does, in place of the one before, of which it knows nothing. It listens where there is room. */
async function startAnew(): Promise<void> {
  const before = installation;
  installation = null;
  await before?.stop();
  installation = await startInstallation({ edges: 1, announce: () => {} });
}

function terminalFor(interrupted = new AbortController().signal) {
  return recordingTerminal({
    installation: async () =>
      installation && { ...installation, edgeUrls: [...installation.edgeUrls], pid: process.pid },
    rememberedClientsDirectory: join(directory, 'clients'),
    interrupted,
  });
}

async function holdfast(...args: string[]): Promise<Record<string, unknown>> {
  const terminal = terminalFor();
  const exitCode = await run([...args, '--json'], terminal);
  expect({ exitCode, err: terminal.errLines }).toEqual({ exitCode: 0, err: [] });
  return JSON.parse(terminal.outLines.join('')) as Record<string, unknown>;
}

/** Listens in the background; `stop` is Ctrl-C and gives the exit code. */
async function listening(...args: string[]) {
  const interruption = new AbortController();
  const terminal = terminalFor(interruption.signal);
  const ended = run(['listen', ...args], terminal);
  const printed = (text: string | RegExp) => vi.waitFor(() => expect(terminal.errLines.join('\n')).toMatch(text), WAIT);
  await printed('receiving');
  const stop = (): Promise<number> => {
    interruption.abort();
    return ended;
  };
  return { out: terminal.outLines, err: terminal.errLines, printed, ended, stop };
}

it(
  'registers again under its name when the installation was started anew, waiting for its topics',
  { timeout: WITHIN_MS },
  async () => {
    await startAnew();
    await holdfast('topic', 'create', 'again');
    const { out, err, printed, stop } = await listening('--register', 'me', '--topics', 'again');
    const [first] = clientsOf(err);

    await startAnew();
    await printed('registering "me" again');
    await printed('waiting to register "me": No such topic: again. To create it: npx holdfast topic create again');
    await holdfast('topic', 'create', 'again');
    await printed(/receiving[^]*receiving/);
    const second = clientsOf(err).at(-1) ?? '';
    expect(second).not.toBe(first);
    expect(await holdfast('client', second)).toMatchObject({ name: 'me', topics: ['again'] });
    await holdfast('publish', 'again', '{"n":1}');
    await vi.waitFor(() => expect(out.join('\n')).toContain('{"n":1}'), WAIT);
    // Each thing that was waited for is said once, however often it is tried.
    expect(err.filter((line) => line.includes('No such topic'))).toHaveLength(1);
    expect(await stop()).toBe(0);
  },
);

it(
  'registers again when its client is unregistered, and --once takes the last one away',
  { timeout: WITHIN_MS },
  async () => {
    await startAnew();
    const { err, printed, stop } = await listening('--register', 'me', '--once');
    await holdfast('unregister', clientsOf(err)[0] ?? '');
    await printed(/receiving[^]*receiving/);
    expect(await stop()).toBe(0);
    expect(await holdfast('clients')).toMatchObject({ clients: [] });
  },
);

it('ends by Ctrl-C, with 0, while it waits for a topic', { timeout: WITHIN_MS }, async () => {
  await startAnew();
  await holdfast('topic', 'create', 'again');
  const { printed, stop } = await listening('--register', 'me', '--topics', 'again', '--once');
  await startAnew();
  await printed('No such topic');
  expect(await stop()).toBe(0);
});

it('ends with 1 and says why when it was not to register anybody', { timeout: WITHIN_MS }, async () => {
  await startAnew();
  const { clientId } = await holdfast('register');
  const { err, ended } = await listening(String(clientId));
  await startAnew();
  expect(await ended).toBe(1);
  expect(err.at(-1)).toContain(`Client ${String(clientId)} is not registered any more`);
  expect(err.at(-1)).toContain('listen --register NAME');
});

/** The clients that were registered, in order. */
function clientsOf(lines: readonly string[]): string[] {
  return lines.flatMap((line) => /registered .*client (\S+)/.exec(line)?.[1] ?? []);
}
