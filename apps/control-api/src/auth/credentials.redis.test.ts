import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { APP, type TestApi, startTestApi } from '../testing/api.ts';
import { signedUrl } from '../testing/signed-calls.ts';
import { type TestTokenKey, addTokenKey, registerWith } from '../testing/token-keys.ts';

/**
 * Calls times credentials: each call of the OpenAPI document takes those that it names, of whoever may do everything, and no
 * other. docs/reference/rights.md is made of the same document.
 */
const EVERYTHING = ['**', '@users'];
const can = {
  register: true,
  subscribe: ['**'],
  publish: ['**'],
  manage: ['**'],
  create: ['**'],
  presence: EVERYTHING,
};
const may = { subscribe: ['**'], publish: ['**'], presence: EVERYTHING };

type Method = Parameters<TestApi['call']>[0];
type Document = { paths: Record<string, Record<string, { security?: object[] }>> };

// The calls are known before the tests are.
const described = await startTestApi();
const calls = Object.entries((described.app.swagger() as unknown as Document).paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, { security = [] }]) => ({
    method: method.toUpperCase() as Method,
    path,
    takes: security.flatMap((scheme) => Object.keys(scheme)),
    isOpen: security.some((scheme) => Object.keys(scheme).length === 0),
    isPublic: security.length === 0,
  })),
);
await described.stop();
const guarded = calls.filter(({ isPublic }) => !isPublic);

let api: TestApi;
let key: TestTokenKey;
let user: string;
let token: string;
let clientId: string;
beforeAll(async () => {
  api = await startTestApi();
  key = await addTokenKey(api, 'mighty', { can });
});
afterAll(() => api.stop());
beforeEach(async () => {
  // One for each: what revokes the tokens of one is among the calls.
  user = randomUUID();
  token = await key.sign({ sub: user, hf: { may } });
  clientId = await registerWith(api, token);
  await api.topics('room.a');
});

/** Whether a call gets past the question of who makes it. */
async function passes(
  method: Method,
  path: string,
  headers: Record<string, string>,
  signed: (filled: string) => string = (filled) => filled,
): Promise<boolean> {
  const values = { clientId, topic: 'room.a', user, appId: APP.appId, channel: 'presence-a' };
  const filled = Object.entries(values).reduce((text, [name, value]) => text.replace(`{${name}}`, value), path);
  const body = method === 'GET' ? {} : { body: {} };
  const { status, text } = await api.call(method, signed(filled), { headers, ...body });
  expect([200, 201, 202, 400, 401, 403, 404], `of ${text}`).toContain(status);
  return status !== 403 && status !== 401;
}

test('the calls that ask for no credential are those that tell of the service alone', () => {
  expect(calls.filter(({ isPublic }) => isPublic).map(({ path }) => path)).toEqual([
    '/healthz',
    '/readyz',
    '/metrics',
    '/up',
  ]);
});

describe.each(guarded)('$method $path', ({ method, path, takes, isOpen }) => {
  test(`without a credential: ${isOpen}`, async () => {
    expect(await passes(method, path, {})).toBe(isOpen);
  });

  test(`with an API key: ${takes.includes('apiKey') || isOpen}`, async () => {
    expect(await passes(method, path, key.asKey)).toBe(takes.includes('apiKey') || isOpen);
  });

  test(`with a token: ${takes.includes('token')}`, async () => {
    expect(await passes(method, path, { authorization: `Bearer ${token}` })).toBe(takes.includes('token'));
  });

  test(`with the signature of an app: ${takes.includes('signature') || isOpen}`, async () => {
    const body = method === 'GET' ? {} : { body: {} };
    const signed = (filled: string) => signedUrl(method, filled, body);
    expect(await passes(method, path, {}, signed)).toBe(takes.includes('signature') || isOpen);
  });

  test(`with the UUID of a client in place of a key: ${isOpen}`, async () => {
    expect(await passes(method, path, { authorization: `Bearer ${clientId}` })).toBe(isOpen);
  });
});
