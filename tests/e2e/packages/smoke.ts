import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { FULL_RIGHTS } from '@holdfast/local/installation';
import { createKey } from '@holdfast/keys-file/keys-file';
import { type Backend, startBackend } from '../backend.ts';
import { temporaryDirectory } from '../temporary-directory.ts';

/** The program that tries the packages where they are installed. */
export function smokeProgram(): Promise<string> {
  return readFile(join(repositoryRoot, 'tests/e2e/packages/smoke.js'), 'utf8');
}

/** What it prints when all is well, for these variables. */
export function smokeOutput({ TOPIC }: Record<string, string>) {
  const received = [{ text: 'published' }, 'one of many'];
  return { received, reason: 'closed', refusal: 'topic-not-found', topics: [TOPIC], webhook: 'malformed' };
}

/** An installation with an API key for calls and one for tokens. `await using` it. */
export async function startTokenBackend(
  env: Record<string, string> = {},
): Promise<{ backend: Backend; privateJwk: string; variables: () => Record<string, string> } & AsyncDisposable> {
  await using started = new AsyncDisposableStack();
  const keysFile = join(started.use(await temporaryDirectory()).path, 'api-keys.json');
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicJwk = publicKey.export({ format: 'jwk' }) as never;
  const can = { register: true, subscribe: ['**'], publish: ['**'], presence: ['**'], manage: [] };
  await createKey(keysFile, { id: 'web', can, tokens: { alg: 'ES256', publicJwk } });
  const { presented: key } = await createKey(keysFile, { id: 'backend', can: FULL_RIGHTS });
  const backend = started.use(await startBackend({ edges: 1, env, keys: { keysFile, key } }));
  const privateJwk = JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid: 'web' });
  const { controlUrl } = backend.installation;
  const running = started.move();
  return {
    backend,
    privateJwk,
    variables: () => ({
      CONTROL_URL: controlUrl,
      HOLDFAST_KEY: key,
      TOKEN_KEY: privateJwk,
      TOPIC: `smoke.${randomUUID()}`,
    }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
