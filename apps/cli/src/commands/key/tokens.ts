import type { NewKey } from '@holdfast/keys-file/keys-file';
import { rm } from 'node:fs/promises';
import { CliError, exitCodes } from '../../errors.ts';
import { TOKEN_ALGORITHMS, newTokenKeys, writePrivateKey } from '../../token-keys.ts';

/** What verifies the tokens of a key, and what is said of the private key that signs them. */
export interface MadeTokens {
  /** For the keys file; undefined: it has no tokens. */
  settings: NewKey['tokens'];
  answer: { tokens?: { alg: string; privateJwk: object } | { alg: string; keyFile: string } };
  lines: string[];
  /** Takes the private key away again: no key verifies what it signs. */
  discard: () => Promise<void>;
}

/**
 * Makes a key pair; the private half goes to a file, or is shown.
 * @param algorithm undefined: none is made
 */
export async function makeTokens(
  keyId: string,
  algorithm: string | true | undefined,
  keyFile: string | undefined,
): Promise<MadeTokens> {
  if (algorithm === undefined) {
    if (keyFile === undefined) return { settings: undefined, answer: {}, lines: [], discard: () => Promise.resolve() };
    throw new CliError(exitCodes.usage, 'key-file-without-tokens', '--key-file is for the private key of --tokens.');
  }
  const alg = TOKEN_ALGORITHMS.find((known) => known === algorithm) ?? TOKEN_ALGORITHMS[0];
  const { privateJwk, settings } = await newTokenKeys(keyId, alg);
  // The type is that of the settings once they are checked.
  const checked = settings as NewKey['tokens'];
  if (keyFile === undefined) {
    const title = `The private key for its tokens (${alg}) is shown this once; keep it in a file:`;
    const lines = [title, '', `  ${JSON.stringify(privateJwk)}`, ''];
    return { settings: checked, answer: { tokens: { alg, privateJwk } }, lines, discard: () => Promise.resolve() };
  }
  await writePrivateKey(keyFile, privateJwk);
  const lines = [
    `The private key for its tokens (${alg}) is in ${keyFile}. To try it:`,
    '',
    `  npx holdfast token --key-file ${keyFile} --sub ann --ttl 1h`,
    '',
  ];
  return {
    settings: checked,
    answer: { tokens: { alg, keyFile } },
    lines,
    discard: () => rm(keyFile, { force: true }),
  };
}
