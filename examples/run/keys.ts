import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type NewKey, createKey } from '@holdfast/keys-file/keys-file';

/** A key of the keys file, without what is made with it: its secret, and its key pair for tokens. */
type WantedKey = Omit<NewKey, 'tokens'> & { readonly tokens?: { readonly alg: 'ES256' } };

/** The API keys that an example asks for in `keys.json`, by the variable of the environment that holds each. */
export async function wantedKeys(example: string): Promise<ReadonlyMap<string, WantedKey>> {
  const text = await readFile(join(example, 'keys.json'), 'utf8');
  return new Map(Object.entries(JSON.parse(text) as Record<string, WantedKey>));
}

/**
 * Makes these keys in a keys file. Gives the variables: of a key the key as it is presented, of one for tokens the private
 * JSON Web Key that signs them.
 */
export async function createWantedKeys(example: string, keysFile: string): Promise<Record<string, string>> {
  const env: Record<string, string> = {};
  for (const [variable, { tokens, ...key }] of await wantedKeys(example)) {
    if (tokens === undefined) {
      env[variable] = (await createKey(keysFile, key)).presented;
    } else {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const { kty, crv, x, y } = publicKey.export({ format: 'jwk' });
      await createKey(keysFile, { ...key, tokens: { ...tokens, publicJwk: { kty, crv, x, y } } } as NewKey);
      env[variable] = JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid: key.id });
    }
  }
  return env;
}
