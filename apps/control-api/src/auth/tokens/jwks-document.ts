import { publicJwk } from '@holdfast/protocol/token-settings';
import { type CryptoKey, type JWK, importJWK } from 'jose';
import { z } from 'zod';

/** An algorithm by which a token may be signed with one of several published keys. */
export type PublicAlgorithm = 'ES256' | 'RS256' | 'EdDSA';

/** A public key of an issuer. */
export interface IssuerKey {
  readonly alg: PublicAlgorithm;
  readonly kid: string | undefined;
  /** Tells it from others: its public members as JSON. */
  readonly id: string;
  readonly key: CryptoKey;
}

const FETCH_MS = 5_000;
const MAX_BYTES = 256 * 1024;
/** Issuers have a few; each takes time to import. */
const MAX_KEYS = 100;

/** What the keys of a set may be for. */
const operations = {
  key_ops: z
    .array(z.string())
    .refine((given) => given.includes('verify'))
    .optional(),
};

/** Keys of the algorithms that tokens may have. Only public members are taken. */
const usableKey = z.union([
  publicJwk.ES256.strip().extend(operations),
  publicJwk.RS256.strip().extend(operations),
  publicJwk.EdDSA.strip().extend(operations),
]);

const ALGORITHMS = { EC: 'ES256', RSA: 'RS256', OKP: 'EdDSA' } as const;

const keySet = z.object({ keys: z.array(z.unknown()) });

/**
 * Fetches a JSON Web Key Set (RFC 7517, 5) and imports the keys in it that can be used; others are skipped.
 * Rejects when it does not come whole within 5 s, is redirected, larger than 256 KiB, or no key set.
 */
export async function fetchIssuerKeys(url: string): Promise<IssuerKey[]> {
  const response = await fetch(url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    // The configured URL and no other: where it leads is not for others to say.
    redirect: 'error',
    signal: AbortSignal.timeout(FETCH_MS),
  });
  const text = response.ok ? await boundedText(response) : '';
  await response.body?.cancel();
  if (!response.ok) throw new Error(`it answered with the status ${response.status}`);
  const { keys } = keySet.parse(JSON.parse(text));
  const usable = keys.flatMap((key) => usableKey.safeParse(key).data ?? []).slice(0, MAX_KEYS);
  const imported = await Promise.allSettled(usable.map(importKey));
  return imported.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
}

async function importKey(usable: z.output<typeof usableKey>): Promise<IssuerKey> {
  const { kid, use: _use, key_ops: _operations, alg: _alg, ...members } = usable;
  const alg = ALGORITHMS[usable.kty];
  return { alg, kid, id: JSON.stringify(members), key: await importPublicKey(members, alg) };
}

/** A public key in the form in which it verifies. */
export async function importPublicKey(jwk: JWK, alg: PublicAlgorithm): Promise<CryptoKey> {
  const key = await importJWK(jwk, alg, { extractable: false });
  if (key instanceof Uint8Array) throw new Error('A secret is no public key');
  return key;
}

async function boundedText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error(`it is longer than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
