import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRest } from '@holdfast/client/rest';
import { FULL_RIGHTS, startInstallation } from '@holdfast/local/installation';
import { createKey } from '@holdfast/keys-file/keys-file';
import { eventually } from '@holdfast/testkit/eventually';
import { redisUrl } from '@holdfast/testkit/redis';
import { type JWK, exportJWK, generateKeyPair } from 'jose';
import { expect } from 'vitest';
import { startWebhookRelay } from './webhook-relay.ts';

/** The first event after the start waits for a control-api to take the endpoint over. */
const PATIENT = { timeoutMs: 60_000 };
const A_MOMENT = { timeoutMs: 1000 };

/** An installation for the tests of an SDK, with keys for tokens of each algorithm and an endpoint. `await using` it. */
export async function startSdkInstallation() {
  await using started = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-sdk-'));
  started.defer(() => rm(directory, { recursive: true, force: true }));
  const relay = started.use(await startWebhookRelay());

  const keysFile = join(directory, 'api-keys.json');
  const { presented: key } = await createKey(keysFile, { id: 'backend', can: FULL_RIGHTS });
  const tokenKeysFile = join(directory, 'token-keys.json');
  await writeFile(tokenKeysFile, JSON.stringify(await createTokenKeys(keysFile)));

  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const webhooksFile = join(directory, 'webhooks.json');
  const endpoint = { id: 'sdk', url: relay.url, secret, types: ['message.published'], topics: ['news.**'] };
  await writeFile(webhooksFile, JSON.stringify({ endpoints: [endpoint] }));

  const installation = await startInstallation({
    edges: 1,
    redis: { url: redisUrl() },
    keys: { keysFile, key },
    env: { WEBHOOKS_FILE: webhooksFile, WEBHOOKS_ALLOW_PRIVATE: '1' },
    announce: () => undefined,
  });
  started.defer(installation.stop);
  const rest = createRest({ controlUrl: installation.controlUrl, key });
  await rest.createTopic('news.sport');
  /** Resolves when the endpoint has got all that was published so far: events of a topic come in order. */
  const caughtUp = (): Promise<void> =>
    eventually(async () => {
      const { id } = await rest.publish('news.sport', 'a try');
      await eventually(() => expect(relay.taken().join('\n')).toContain(id), A_MOMENT);
    }, PATIENT);
  await caughtUp();

  const running = started.move();
  return {
    rest,
    relay,
    caughtUp,
    /** What the tests of an SDK read, and its example. */
    variables: {
      HOLDFAST_CONTROL_URL: installation.controlUrl,
      HOLDFAST_KEY: key,
      HOLDFAST_TOKEN_KEYS: tokenKeysFile,
      WEBHOOK_SECRET: secret,
      PORT: '0',
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

export type SdkInstallation = Awaited<ReturnType<typeof startSdkInstallation>>;

/** An API key for each algorithm, and the private keys of their tokens. */
async function createTokenKeys(keysFile: string): Promise<JWK[]> {
  const text = randomBytes(32).toString('base64url');
  await createKey(keysFile, { id: 'hs256', can: FULL_RIGHTS, tokens: { alg: 'HS256', secret: text } });
  const keys: JWK[] = [{ kty: 'oct', k: Buffer.from(text).toString('base64url'), kid: 'hs256' }];
  for (const alg of ['ES256', 'EdDSA', 'RS256'] as const) {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const id = alg.toLowerCase();
    const publicJwk = (await exportJWK(publicKey)) as never;
    await createKey(keysFile, { id, can: FULL_RIGHTS, tokens: { alg, publicJwk } });
    keys.push({ ...(await exportJWK(privateKey)), kid: id });
  }
  return keys;
}
