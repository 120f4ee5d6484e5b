import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FULL_RIGHTS } from '@holdfast/local/installation';
import { createKey, listKeys, revokeKey, sha256 } from '@holdfast/keys-file/keys-file';

const KEY_ID = 'dev';
/** The key may do everything. */
const FILE_MODE = 0o600;

/**
 * A key with every right but `create`, the same from one start to the next: what was pasted yesterday works today. It is kept in
 * `directory`, as it is presented, beside the keys file that holds its hash. Throws KeysFileError.
 */
export async function developmentKey(directory: string): Promise<{ key: string; keysFile: string }> {
  const keysFile = join(directory, 'api-keys.json');
  const keyFile = join(directory, 'dev-key');
  const kept = await textOf(keyFile);
  const known = (await listKeys(keysFile)).find(({ id }) => id === KEY_ID);
  if (kept !== null && known?.secretSha256 === sha256(kept.slice(KEY_ID.length + 1))) return { key: kept, keysFile };

  // One of the two files is gone: a new key in place of one that cannot be presented any more.
  if (known !== undefined) await revokeKey(keysFile, KEY_ID);
  const { presented } = await createKey(keysFile, { id: KEY_ID, can: FULL_RIGHTS });
  await writeFile(keyFile, presented, { mode: FILE_MODE });
  return { key: presented, keysFile };
}

async function textOf(file: string): Promise<string | null> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
