import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Child, spawnChild } from '@holdfast/local/child';
import { freePort } from '@holdfast/local/free-port';
import { wantedKeys } from './keys.ts';
import { startLocalInstallation } from './local-installation.ts';
import { writePageBundle } from './page-bundle.ts';
import { isPortFree } from './port.ts';

const DEFAULT_PORT = '3000';
/** A message that is being worked on may be finished. */
const STOP_MS = 5000;

export interface RunOptions {
  /** The folder of the example. Its script `serve` is what runs. */
  readonly example: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly print: (line: string) => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Runs an example from beginning to end. Gives the exit code. */
export async function run({ example, env, print, signal }: RunOptions): Promise<number> {
  await using started = new AsyncDisposableStack();
  const port = env['PORT'] === '0' ? String(await freePort()) : env['PORT'] || DEFAULT_PORT;
  const { scripts } = JSON.parse(await readFile(join(example, 'package.json'), 'utf8')) as Manifest;
  if (existsSync(join(example, 'server.ts')) && !(await isPortFree(Number(port)))) {
    print(`Port ${port} is taken: end what listens there, or set PORT to another one (PORT=0 takes a free one).`);
    return 1;
  }
  const origins = `http://127.0.0.1:${port},http://localhost:${port}`;
  await writePageBundle();
  const isGiven = Boolean(env['HOLDFAST_CONTROL_URL']);
  const missing = isGiven ? Array.from((await wantedKeys(example)).keys()).filter((name) => !env[name]) : [];
  if (missing.length > 0) {
    print(`HOLDFAST_CONTROL_URL is set, and ${missing.join(', ')} not: see README.md of the example.`);
    return 1;
  }
  const given = isGiven ? {} : await startLocalInstallation(started, { example, origins, print });
  if (signal.aborted) return 0;

  const child = await spawnChild({
    command: '/bin/sh',
    args: ['-c', scripts.serve],
    env: { ...env, ...given, PORT: port },
    cleanUp: { script: 'kill -TERM -- "-$1"' },
  });
  child.onLine(print);
  started.defer(() => stop(child));
  const interrupted = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  const exit = await Promise.race([child.exited, interrupted]);
  return exit === undefined ? 0 : (exit.code ?? 1);
}

interface Manifest {
  readonly scripts: { readonly serve: string };
}

/** Ends the shell with all that it has started: they are one process group. */
async function stop(child: Child): Promise<void> {
  signalGroup(child, 'SIGTERM');
  await Promise.race([child.exited, delay(STOP_MS, undefined, { ref: false })]);
  signalGroup(child, 'SIGKILL');
}

function signalGroup({ pid }: Child, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // All of it has ended.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
