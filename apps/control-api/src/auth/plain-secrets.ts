import { stat } from 'node:fs/promises';
import type { ApiKey } from '@holdfast/protocol/api-key';

/**
 * Who can read a keys file beside the process. `others`: every user of the machine. `group`: the group of a file that the
 * process owns, and so could read without it.
 */
export type Readers = 'others' | 'group';

const OTHERS_MAY_READ = 0o004;
const GROUP_MAY_READ = 0o040;

/**
 * Who can read the file that need not. Null: none. A group may read what another user owns: as Kubernetes mounts secrets,
 * and packages install files of services.
 */
export async function readersOf(file: string): Promise<Readers | null> {
  const { mode, uid } = await stat(file);
  if ((mode & OTHERS_MAY_READ) !== 0) return 'others';
  return (mode & GROUP_MAY_READ) !== 0 && uid === process.getuid?.() ? 'group' : null;
}

/** The API keys with a plain secret in the file: of an app, or one by which tokens are made (HS256). */
export function keysWithPlainSecrets(keys: readonly ApiKey[]): string[] {
  return keys.filter(({ pusher, tokens }) => pusher !== undefined || tokens?.alg === 'HS256').map(({ id }) => id);
}

/** What is wrong, and what to do; for people. */
export function readersFault(file: string, readers: Readers): string {
  const who = readers === 'others' ? 'everybody on this machine' : 'its group';
  return `it has secrets in plain text, and ${who} can read it: chmod 600 ${file}`;
}
