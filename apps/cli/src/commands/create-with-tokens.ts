import { rm } from 'node:fs/promises';
import { type CreatedKey, type NewKey, createKey } from '@holdfast/keys-file/keys-file';
import { CliError, exitCodes } from '../errors.ts';
import { TOKEN_ALGORITHMS, newTokenKeys, writePrivateKey } from '../token-keys.ts';

/** What was made, and what is said of its private key for tokens. */
interface Created {
  created: CreatedKey;
  shown: { tokens?: { alg: string; privateJwk: object } | { alg: string; keyFile: string } };
  lines: string[];
}

/**
 * Adds a key to the keys file, with what verifies its tokens; what signs them goes to another file, or is shown.
 * @param algorithm undefined: it has no tokens
 */
export async function createWithTokens(
  file: string,
  key: NewKey,
  algorithm: string | true | undefined,
  keyFile: string | undefined,
): Promise<Created> {
  if (algorithm === undefined) {
    if (keyFile === undefined) return { created: await createKey(file, key), shown: {}, lines: [] };
    throw new CliError(exitCodes.usage, 'key-file-without-tokens', '--key-file is for the private key of --tokens.');
  }
  const alg = TOKEN_ALGORITHMS.find((known) => known === algorithm) ?? TOKEN_ALGORITHMS[0];
  const { privateJwk, settings } = await newTokenKeys(key.id, alg);
  if (keyFile !== undefined) await writePrivateKey(keyFile, privateJwk);
  // The type is that of the settings once they are checked.
  const tokens = settings as NewKey['tokens'];
  const created = await createKey(file, { ...key, tokens }).catch(async (error: unknown) => {
    // It signs for no key.
    if (keyFile !== undefined) await rm(keyFile, { force: true });
    throw error;
  });
  if (keyFile === undefined) {
    const lines = [`The private key for its tokens (${alg}) is shown this once; keep it in a file:`, ''];
    return {
      created,
      shown: { tokens: { alg, privateJwk } },
      lines: [...lines, `  ${JSON.stringify(privateJwk)}`, ''],
    };
  }
  const lines = [`The private key for its tokens (${alg}) is in ${keyFile}. To try it:`, ''];
  const example = `  npx holdfast token --key-file ${keyFile} --sub ann --ttl 1h`;
  return { created, shown: { tokens: { alg, keyFile } }, lines: [...lines, example, ''] };
}
