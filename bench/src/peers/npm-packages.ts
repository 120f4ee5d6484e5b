import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { runCommand } from '@holdfast/local/run-command';
import { isThere } from '../native.ts';

/** A package of its own, with its own lock file: what is measured is no part of the product. */
export const PEERS = resolve(import.meta.dirname, '../../peers');

let installation: Promise<string | null> | undefined;

/** Installs the peers that npm has, once, without running scripts of theirs. Gives null, or why it did not work. */
export function installPeers(log: (line: string) => void): Promise<string | null> {
  installation ??= install(log);
  return installation;
}

async function install(log: (line: string) => void): Promise<string | null> {
  // Beside what was installed stands the lock file that it was installed by.
  const lock = await readFile(join(PEERS, 'package-lock.json'), 'utf8');
  const installed = join(PEERS, 'node_modules/.installed-by');
  if ((await isThere(installed)) && (await readFile(installed, 'utf8')) === lock) return null;
  log('Installing the peers that npm has …');
  const args = ['ci', '--prefix', PEERS, '--no-audit', '--no-fund', '--ignore-scripts'];
  const { code, printed } = await runCommand('npm', args, process.env);
  if (code !== 0) return `npm could not install it: ${printed.split('\n').slice(-3).join(' ')}`;
  await writeFile(installed, lock);
  return null;
}

/** The version of a package that was installed. */
export async function installedVersion(name: string): Promise<string> {
  const file = await readFile(join(PEERS, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
}
