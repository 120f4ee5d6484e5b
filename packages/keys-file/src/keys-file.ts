import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type ApiKey, type ApiKeysFile, apiKey, apiKeysFile } from '@holdfast/protocol/api-key';
import { z } from 'zod';
import { type ModeChange, changeFile } from './change-file.ts';
import { KeysFileError, errnoOf } from './errors.ts';

export { type ModeChange, secondsLocked } from './change-file.ts';

const SECRET_BYTES = 32;

export interface CreatedKey {
  id: string;
  /** Shown once: the file holds only its hash. */
  secret: string;
  /** `<id>.<secret>`, as `X-API-Key` wants it. */
  presented: string;
  /** What became of the permissions of the file; null: they are as they were. */
  modeChange: ModeChange | null;
}

/** What a new key is made of: what the file holds of it, less the hash. */
export type NewKey = Omit<z.input<typeof apiKey>, 'secretSha256'>;

export interface ChangeOptions {
  /** Whether a file that is not there is an error, and not an empty one. */
  readonly mustExist?: boolean;
  /** Called with the keys in the file while no other change can be made. What it throws leaves the file as it is. */
  readonly permit?: (keys: readonly ApiKey[]) => void;
}

/**
 * Adds a key to the file. With an app, whose secret is plain, the file is made unreadable to others.
 * Throws {@link KeysFileError}, and changes nothing then.
 */
export async function createKey(file: string, key: NewKey, options: ChangeOptions = {}): Promise<CreatedKey> {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  const checked = apiKey.safeParse({ ...key, secretSha256: sha256(secret) });
  if (!checked.success) {
    throw new KeysFileError('keys-file-invalid', `this key cannot be made:\n${z.prettifyError(checked.error)}`);
  }
  const { pusher } = checked.data;
  const modeChange = await change(file, { ...options, secret: pusher !== undefined }, (keys) => {
    const same = keys.find(({ pusher: app }) => app && (app.appId === pusher?.appId || app.key === pusher?.key));
    if (same !== undefined) {
      const message = `the app id or the public key of the app is that of the key "${same.id}" in ${file}; choose others`;
      throw new KeysFileError('key-exists', message);
    }
    if (keys.some((known) => known.id === key.id)) {
      throw new KeysFileError(
        'key-exists',
        `a key "${key.id}" is in ${file} already; revoke it first, or choose another id`,
      );
    }
    return [...keys, checked.data];
  });
  return { id: key.id, secret, presented: `${key.id}.${secret}`, modeChange };
}

/** The keys of the file; none when there is no file. Throws {@link KeysFileError} for a file that is broken. */
export async function listKeys(file: string): Promise<ApiKey[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
  return parse(file, text).keys;
}

/** Takes a key out of the file. Throws {@link KeysFileError}, also when it is not there, and changes nothing then. */
export async function revokeKey(file: string, id: string, options: ChangeOptions = {}): Promise<void> {
  await change(file, options, (keys) => {
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

function change(
  file: string,
  { mustExist = false, permit, secret = false }: ChangeOptions & { secret?: boolean },
  edit: (keys: ApiKey[]) => ApiKey[],
): Promise<ModeChange | null> {
  const editText = (text: string | null): string => {
    if (text === null && mustExist) throw new KeysFileError('keys-file-missing', `${file} is not there`);
    const { keys } = text === null ? { keys: [] } : parse(file, text);
    permit?.(keys);
    const next: ApiKeysFile = { keys: edit(keys) };
    return `${JSON.stringify(next, null, 2)}\n`;
  };
  return changeFile(file, editText, { secret });
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
