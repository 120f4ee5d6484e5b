import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { type CommandResult, runCommand } from '@holdfast/local/run-command';
import { expect } from 'vitest';
import { temporaryDirectory } from '../temporary-directory.ts';

/** A project outside of the repository, with our packages installed from their tarballs. */
export interface Consumer extends AsyncDisposable {
  readonly path: string;
  /** Writes files, by path. */
  readonly write: (files: Readonly<Record<string, string>>) => Promise<void>;
  /** Runs a command in it, which has to succeed. Gives what it printed. */
  readonly run: (program: string, args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<string>;
  /** Runs a program until it is disposed of. `await using` it. */
  readonly start: (program: string, args: readonly string[], env: Readonly<Record<string, string>>) => AsyncDisposable;
}

/** Builds, packs and installs our packages, and others beside them. `await using` it. */
export async function startConsumer(others: readonly string[] = []): Promise<Consumer> {
  await using started = new AsyncDisposableStack();
  const { path } = started.use(await temporaryDirectory());
  const tarballs = join(path, 'tarballs');
  await succeeds(runCommand(process.execPath, [packProgram, '--to', tarballs], process.env));
  const packed = (await readdir(tarballs)).filter((name) => name.endsWith('.tgz')).map((name) => `./tarballs/${name}`);
  const write: Consumer['write'] = async (files) => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeFile(join(path, name), text);
    }
  };
  const run: Consumer['run'] = async (program, args, env = {}) => {
    const inside = ['-c', 'cd "$1" && shift && exec "$@"', 'sh', path, program, ...args];
    return succeeds(runCommand('sh', inside, { ...process.env, ...env }));
  };
  const start: Consumer['start'] = (program, args, env) => {
    const child = spawn(program, args, { cwd: path, env: { ...process.env, ...env }, stdio: 'inherit' });
    return {
      [Symbol.asyncDispose]: async () => {
        const ended = child.exitCode === null ? once(child, 'exit') : undefined;
        child.kill();
        await ended;
      },
    };
  };
  await write({ 'package.json': JSON.stringify({ private: true, type: 'module' }) });
  const quiet = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  await run('npm', ['install', ...quiet, ...packed, ...others]);
  const running = started.move();
  return { path, write, run, start, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** A tool of the repository, for what a consumer has as well. */
export function tool(name: string): string {
  return join(repositoryRoot, 'node_modules', name);
}

const packProgram = join(repositoryRoot, 'scripts/packages/main.ts');

async function succeeds(command: Promise<CommandResult>): Promise<string> {
  const { code, output, printed } = await command;
  expect({ code, printed: code === 0 ? '' : printed }).toEqual({ code: 0, printed: '' });
  return output;
}
