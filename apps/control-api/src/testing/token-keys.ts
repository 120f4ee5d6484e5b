import { hash } from 'node:crypto';
import { apiKey } from '@holdfast/protocol/api-key';
import { expect } from 'vitest';
import type { TestApi } from './api.ts';
import type { Answer } from './problem-matchers.ts';
import { type TokenIssuer, tokenIssuer } from './token-issuer.ts';

const SECRET = 'a-secret';

/** An API key of the tests that takes tokens. */
export interface TestTokenKey extends TokenIssuer {
  /** The headers of a call by the key itself. */
  readonly asKey: Record<string, string>;
}

/** Adds an API key for tokens to those of the tests, or replaces it. */
export async function addTokenKey(
  api: TestApi,
  id: string,
  { can, ...more }: { can: object; maxClients?: number },
): Promise<TestTokenKey> {
  const issuer = await tokenIssuer(id);
  const tokens = { alg: 'ES256', publicJwk: issuer.publicJwk };
  const key = apiKey.parse({ id, secretSha256: hash('sha256', SECRET), tokens, can, ...more });
  const others = api.keys.ids().flatMap((known) => (known === id ? [] : (api.keys.get(known) ?? [])));
  api.keys.replace([...others, key]);
  return { ...issuer, asKey: { 'x-api-key': `${id}.${SECRET}` } };
}

type Method = Parameters<TestApi['call']>[0];

/** Makes a call with a token. */
export function callWith(
  api: TestApi,
  token: string,
  method: Method,
  path: string,
  options: Parameters<TestApi['call']>[2] = {},
): Promise<Answer> {
  const headers = { ...options.headers, authorization: `Bearer ${token}` };
  return api.call(method, path, { ...options, headers });
}

/** Registers the client of a token, and gives its UUID. */
export async function registerWith(api: TestApi, token: string): Promise<string> {
  const answer = await callWith(api, token, 'POST', '/v1/clients');
  expect({ isRegistered: [200, 201].includes(answer.status), answer }).toMatchObject({ isRegistered: true });
  return String(answer.body['clientId']);
}

/** How often tokens were verified so far, by outcome. */
export async function verifications(api: TestApi): Promise<Record<string, number>> {
  const { text } = await api.call('GET', '/metrics');
  const found = text.matchAll(/^holdfast_token_verifications_total\{outcome="(\w+)".*\} (\d+)$/gm);
  return Object.fromEntries([...found].map(([, outcome, count]) => [outcome ?? '', Number(count)]));
}
