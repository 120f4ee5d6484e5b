import { KeysFileError, type KeysFileCode } from '@holdfast/keys-file/errors';
import { type ChangeOptions, createKey, revokeKey } from '@holdfast/keys-file/keys-file';
import type { ApiKey } from '@holdfast/protocol/api-key';
import type { ProblemCode } from '@holdfast/protocol/problems';
import type { createKeyRequest } from '@holdfast/protocol/rest/keys';
import { reasonOf } from '@holdfast/service/error-fields';
import type { z } from 'zod';
import { requireNotExpired } from '../auth/authentication.ts';
import { requireRight } from '../auth/authorization.ts';
import type { KeysFile } from '../auth/keys-file.ts';
import { principalOfKey } from '../auth/principal.ts';
import { importKey } from '../auth/tokens/signatures.ts';
import { ProblemError } from '../http/problem-error.ts';

type GivenKey = z.output<typeof createKeyRequest>;

const PROBLEMS: Readonly<Record<KeysFileCode, ProblemCode>> = {
  'key-exists': 'key-exists',
  'key-not-found': 'key-not-found',
  'keys-file-invalid': 'keys-file-unusable',
  'keys-file-missing': 'keys-file-unusable',
  'keys-file-read-only': 'keys-file-read-only',
  'keys-file-locked': 'keys-file-unavailable',
  'keys-file-failed': 'keys-file-unavailable',
};

/** A full disk, or a lock that was left behind, is mended by people: soon is of no use. */
const FILE_RETRY_AFTER_SECONDS = 30;

const NO_FILE = 'API_KEYS_FILE is not set: this control-api has no keys file';

/**
 * Writes a key into the file, with which it is in force here.
 * @param caller the key of the call
 * @returns `<id>.<secret>`
 * @throws {ProblemError} and nothing is changed
 */
export async function addKey(file: KeysFile | null, given: GivenKey, caller: ApiKey): Promise<string> {
  await requireUsableTokens(given.tokens);
  const { presented } = await changing(file, ({ path }) => createKey(path, given, onlyBy(caller)));
  return presented;
}

/**
 * Takes a key out of the file, with which it is no longer in force here.
 * @param caller the key of the call
 * @returns false when there was none
 * @throws {ProblemError} and nothing is changed
 */
export async function removeKey(file: KeysFile | null, id: string, caller: ApiKey): Promise<boolean> {
  try {
    await changing(file, ({ path }) => revokeKey(path, id, onlyBy(caller)));
    return true;
  } catch (error) {
    if (error instanceof ProblemError && error.code === 'key-not-found') return false;
    throw error;
  }
}

/**
 * The rights of a call were judged by the keys that this process read last. Another control-api may have deleted the key
 * since: a change is made only when the file itself, which nothing else changes meanwhile, still has the key and its right.
 */
function onlyBy({ id, secretSha256 }: ApiKey): ChangeOptions {
  return {
    mustExist: true,
    permit: (keys) => {
      const caller = keys.find((key) => key.id === id && key.secretSha256 === secretSha256);
      if (caller === undefined) throw new ProblemError('key-unknown');
      requireNotExpired(caller);
      requireRight(principalOfKey(caller), 'manage everything');
    },
  };
}

async function changing<T>(file: KeysFile | null, change: (file: KeysFile) => Promise<T>): Promise<T> {
  if (file === null) throw new ProblemError('keys-file-unusable', { detail: NO_FILE });
  try {
    return await change(file);
  } catch (error) {
    throw error instanceof KeysFileError ? problemOf(error) : error;
  } finally {
    // Also when it failed: it may be another than was read last.
    await file.reload();
  }
}

function problemOf(error: KeysFileError): ProblemError {
  const code = PROBLEMS[error.code];
  const retry = code === 'keys-file-unavailable' ? { retryAfterSeconds: FILE_RETRY_AFTER_SECONDS } : {};
  return new ProblemError(code, { detail: error.message, ...retry }, { cause: error });
}

/** @throws {ProblemError} invalid-request for a public key that is none: the file would have it, and refuse each token */
async function requireUsableTokens(tokens: GivenKey['tokens']): Promise<void> {
  if (tokens === undefined || tokens.alg === 'HS256' || tokens.publicJwk === undefined) return;
  try {
    await importKey(tokens);
  } catch (error) {
    const rule = `must be a public key: ${reasonOf(error)}`;
    throw new ProblemError('invalid-request', { errors: [{ field: 'body.tokens.publicJwk', rule }] }, { cause: error });
  }
}
