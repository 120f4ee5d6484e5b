import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type ApiKey, type ApiKeysFile, apiKey, apiKeysFile } from '@holdfast/protocol/api-key';
import { z } from 'zod';

const SECRET_BYTES = 32;
/** Hashes of secrets are for the owner alone. */
const FILE_MODE = 0o600;
/** Another command holds the file for milliseconds; longer, and it was killed while it held it. */
const LOCK_TRIES = 50;
const LOCK_PAUSE_MS = 20;

/** The keys file cannot be used as asked; the message says why and what to do. */
export class KeysFileError extends Error {
  readonly code: 'key-exists' | 'key-not-found' | 'keys-file-invalid' | 'keys-file-locked';

  constructor(code: KeysFileError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KeysFileError';
    this.code = code;
  }
}

export interface CreatedKey {
  id: string;
  /** Shown once: the file holds only its hash. */
  secret: string;
  /** `<id>.<secret>`, as `X-API-Key` wants it. */
  presented: string;
}

/** What a new key is made of: what the file holds of it, less the hash. */
export type NewKey = Omit<z.input<typeof apiKey>, 'secretSha256'>;

/** Adds a key to the file, which is made if it is not there. Throws {@link KeysFileError}. */
export async function createKey(file: string, key: NewKey): Promise<CreatedKey> {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  const checked = apiKey.safeParse({ ...key, secretSha256: sha256(secret) });
  if (!checked.success) {
    throw new KeysFileError('keys-file-invalid', `this key cannot be made:\n${z.prettifyError(checked.error)}`);
  }
  await change(file, (keys) => {
    if (keys.some((known) => known.id === key.id)) {
      throw new KeysFileError(
        'key-exists',
        `a key "${key.id}" is in ${file} already; revoke it first, or choose another id`,
      );
    }
    return [...keys, checked.data];
  });
  return { id: key.id, secret, presented: `${key.id}.${secret}` };
}

/** The keys of the file; none when there is no file. Throws {@link KeysFileError} for a file that is broken. */
export async function listKeys(file: string): Promise<ApiKey[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
  return parse(file, text).keys;
}

/** Takes a key out of the file. Throws {@link KeysFileError} when it is not there. */
export async function revokeKey(file: string, id: string): Promise<void> {
  await change(file, (keys) => {
    if (!keys.some((known) => known.id === id)) {
      throw new KeysFileError('key-not-found', `there is no key "${id}" in ${file}`);
    }
    return keys.filter((known) => known.id !== id);
  });
}

/** The hash of a secret, as the file holds it: hexadecimal SHA-256. */
export function sha256(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

function parse(file: string, text: string): ApiKeysFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new KeysFileError('keys-file-invalid', `${file} is not JSON`, { cause: error });
  }
  const result = apiKeysFile.safeParse(json);
  if (result.success) return result.data;
  throw new KeysFileError('keys-file-invalid', `${file} is no keys file:\n${z.prettifyError(result.error)}`);
}

/**
 * Reads, changes and replaces the file. The new content is written beside it and renamed over it, so that a reader sees
 * the old file or the new one; and as only one can create that second file, two commands at once cannot lose a key.
 */
async function change(file: string, edit: (keys: ApiKey[]) => ApiKey[]): Promise<void> {
  const successor = `${file}.new`;
  const handle = await openAlone(successor);
  try {
    const next: ApiKeysFile = { keys: edit(await listKeys(file)) };
    await handle.writeFile(`${JSON.stringify(next, null, 2)}\n`);
    await handle.sync();
    await rename(successor, file);
  } catch (error) {
    await rm(successor, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}

async function openAlone(file: string): Promise<FileHandle> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await open(file, 'wx', FILE_MODE);
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error;
      if (attempt === LOCK_TRIES) {
        throw new KeysFileError('keys-file-locked', `${file} is in the way: remove it if no other command is at work`);
      }
    }
    await delay(LOCK_PAUSE_MS);
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
