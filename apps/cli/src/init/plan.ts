import { randomBytes } from 'node:crypto';
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { FULL_RIGHTS } from '@holdfast/local/full-rights';
import { sha256 } from '@holdfast/keys-file/keys-file';
import { type ApiKeysFile, apiKeysFile } from '@holdfast/protocol/api-key';
import { CliError, exitCodes } from '../errors.ts';
import { COMPOSE, KEYS_FOLDER } from './compose.ts';
import { BACKEND, PACKAGE, PAGE } from './example.ts';

const SECRET_BYTES = 32;
/** Keys and their hashes are for the owner alone. */
const SECRET_MODE = 0o600;
/** A key as `X-API-Key` takes it. */
const PRESENTED = /^[A-Za-z0-9_-]{1,64}\.[\x21-\x7e]+$/;
const KEY_ID = 'dev';
const CONTROL_URL = 'http://127.0.0.1:7700';

/** A file of the folder, and what is done about it. */
export interface PlannedFile {
  /** Below the folder. */
  readonly name: string;
  readonly about: string;
  readonly text: string;
  readonly mode?: number;
  readonly action: 'create' | 'replace' | 'add to' | 'keep';
}

export interface PlanOptions {
  folder: string;
  /** Replaces what is there: page, backend and compose file. */
  force: boolean;
  /** Of an installation that `npm start` has made, `<id>.<secret>`; null: a new one is made. */
  key: string | null;
  controlUrl: string | null;
  /** Owner of the files, as containers must run to read them; null where there are no such numbers. */
  owner: { uid: number; gid: number } | null;
}

/**
 * What `init` does to a folder. Nothing is overwritten without `force`, keys never; to .env and .gitignore lines are added
 * that they lack. Raises CliError `file-exists`, `link-in-folder`, `bad-env` and `keys-without-secret`.
 */
export async function planOf(options: PlanOptions): Promise<PlannedFile[]> {
  const textOf = (name: string) => readIfThere(join(options.folder, name));
  const keysName = `${KEYS_FOLDER}/api-keys.json`;
  await refuseLinks(options.folder, [
    keysName,
    '.env',
    '.gitignore',
    'compose.yaml',
    'page.html',
    'backend.mjs',
    'package.json',
  ]);
  const [keys, environment, ignored, manifest] = await Promise.all([
    textOf(keysName),
    textOf('.env'),
    textOf('.gitignore'),
    textOf('package.json'),
  ]);
  const known = environment === null ? undefined : keyOf(environment);
  const key = known ?? options.key ?? `${KEY_ID}.${randomBytes(SECRET_BYTES).toString('base64url')}`;
  if (keys !== null && !keys.includes(sha256(secretOf(key)))) {
    throw new CliError(
      exitCodes.usage,
      'keys-without-secret',
      `Nothing was written: ${keysName} is there, and the key of .env is not in it. Make one with "npx holdfast key create --file ` +
        `${keysName}" and put it into .env as HOLDFAST_KEY, or remove that file.`,
    );
  }
  const variables = [
    `HOLDFAST_CONTROL_URL=${options.controlUrl ?? CONTROL_URL}`,
    `HOLDFAST_KEY=${key}`,
    ...(options.owner === null ? [] : [`HOLDFAST_UID=${options.owner.uid}`, `HOLDFAST_GID=${options.owner.gid}`]),
  ];
  const plan: PlannedFile[] = [
    // The secret first: what is written after it can be made again from it.
    added(
      '.env',
      'the key and the address, for the backend and the command line',
      environment,
      variables,
      nameOf,
      SECRET_MODE,
    ),
    keys === null
      ? {
          name: keysName,
          about: 'the keys file: one development key with every right',
          text: keysFileOf(key),
          mode: SECRET_MODE,
          action: 'create',
        }
      : { name: keysName, about: 'the keys file', text: keys, action: 'keep' },
    added(
      '.gitignore',
      'secrets stay out of Git',
      ignored,
      ['.env', `${KEYS_FOLDER}/`, 'node_modules/'],
      (line) => line,
    ),
    await written(options, 'compose.yaml', 'Redis, control-api and an edge, for Docker', COMPOSE),
    await written(options, 'page.html', 'a page that shows messages', PAGE),
    await written(options, 'backend.mjs', 'its backend: registers the page, publishes to it', BACKEND),
    manifest === null
      ? { name: 'package.json', about: 'keeps npm in this folder', text: PACKAGE, action: 'create' }
      : { name: 'package.json', about: 'of this folder', text: manifest, action: 'keep' },
  ];
  if (parseEnv(plan[0]?.text ?? '')['HOLDFAST_KEY'] !== key) {
    throw refusedEnvironment(
      'HOLDFAST_KEY could not be read from it: look for a quotation mark that is closed on a later line.',
    );
  }
  const inTheWay = plan.filter(({ action }) => action === 'replace').map(({ name }) => name);
  if (inTheWay.length > 0 && !options.force) {
    throw new CliError(
      exitCodes.usage,
      'file-exists',
      `Nothing was written: ${inTheWay.join(', ')} ${inTheWay.length === 1 ? 'is' : 'are'} there already. --force replaces what is there; --dry-run shows what would be done.`,
    );
  }
  return plan;
}

async function written({ folder }: PlanOptions, name: string, about: string, text: string): Promise<PlannedFile> {
  const there = await readIfThere(join(folder, name));
  return { name, about, text, action: there === null ? 'create' : there === text ? 'keep' : 'replace' };
}

/** A file of lines, with those that it lacks at its end. @param idOf what makes two lines the same */
function added(
  name: string,
  about: string,
  there: string | null,
  lines: readonly string[],
  idOf: (line: string) => string,
  mode?: number,
): PlannedFile {
  const present = new Set((there ?? '').split('\n').map((line) => idOf(line.trim())));
  const missing = lines.filter((line) => !present.has(idOf(line)));
  const before = there === null || there === '' || there.endsWith('\n') ? (there ?? '') : `${there}\n`;
  const text = before + missing.map((line) => `${line}\n`).join('');
  const action = there === null ? 'create' : missing.length === 0 ? 'keep' : 'add to';
  return { name, about, text, action, ...(mode === undefined ? {} : { mode }) };
}

/** Of a line `NAME=value`. */
function nameOf(line: string): string {
  return (line.split('=')[0] ?? '').replace(/^export\s/, '').trim();
}

/**
 * The key of a .env file, as Node and Docker read it; undefined: there is none. Raises CliError `bad-env` for one that is
 * no key, which would stay where it is.
 */
function keyOf(environment: string): string | undefined {
  const { HOLDFAST_KEY: key } = parseEnv(environment);
  if (key === undefined || PRESENTED.test(key)) return key;
  const lines = environment.split('\n');
  const line = lines.findLastIndex((each) => /^\s*(?:export\s+)?HOLDFAST_KEY\s*=/.test(each)) + 1;
  throw refusedEnvironment(
    `Line ${line}: HOLDFAST_KEY must be <id>.<secret>, the id 1 to 64 of A-Z a-z 0-9 _ -. Correct it, or remove the line: a key is made then.`,
  );
}

function refusedEnvironment(why: string): CliError {
  return new CliError(exitCodes.usage, 'bad-env', `Nothing was written, because of .env. ${why}`);
}

/**
 * A link would lead what is written out of the folder, which may have come from elsewhere. The folder itself may be one.
 * Raises CliError `link-in-folder`.
 */
async function refuseLinks(folder: string, names: readonly string[]): Promise<void> {
  const paths = names.flatMap((name) => {
    const parts = name.split('/');
    return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
  });
  const areLinks = await Promise.all(paths.map((path) => isLink(join(folder, path))));
  const links = paths.filter((_, index) => areLinks[index]);
  if (links.length === 0) return;
  const message = `Nothing was written: ${links.join(', ')} in ${folder} must not be ${links.length === 1 ? 'a symbolic link' : 'symbolic links'}.`;
  throw new CliError(exitCodes.usage, 'link-in-folder', message);
}

async function isLink(path: string): Promise<boolean> {
  const found = await orNull(lstat(path));
  return found?.isSymbolicLink() === true;
}

function keysFileOf(presented: string): string {
  const key = { id: presented.split('.')[0], secretSha256: sha256(secretOf(presented)), can: FULL_RIGHTS };
  const file: ApiKeysFile = apiKeysFile.parse({ keys: [key] });
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** Of a key as it is presented. */
function secretOf(presented: string): string {
  return presented.slice(presented.indexOf('.') + 1);
}

function readIfThere(file: string): Promise<string | null> {
  return orNull(readFile(file, 'utf8'));
}

/** Null for what is not there. */
async function orNull<Found>(reading: Promise<Found>): Promise<Found | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
