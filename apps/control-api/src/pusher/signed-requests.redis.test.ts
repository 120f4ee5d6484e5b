import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { APP, type TestApi, startTestApi } from '../testing/api.ts';
import { type SignedCallOptions, signedCall, signedUrl } from '../testing/signed-calls.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());
afterEach(() => vi.useRealTimers());

const EVENTS = '/apps/3/events';
const event = { name: 'placed', channel: 'orders', data: '{"id":1}' };

const post = (options: SignedCallOptions = {}, path = EVENTS) =>
  signedCall(api, 'POST', path, { body: event, ...options });
/** The parameter of the query that is wrong. */
const wrong = (parameter: string) => ({
  errors: [{ field: `query.${parameter}`, rule: expect.any(String) as string }],
});

test('the signed request of the documentation is taken, with its bytes and at its time', async () => {
  vi.useFakeTimers({ now: 1_353_088_179_000, toFake: ['Date'] });
  const query =
    'body_md5=ec365a775a4cd0599faeb73354201b6f&auth_version=1.0&auth_key=278d425bdf160c739803' +
    '&auth_timestamp=1353088179&auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c';
  const raw = '{"name":"foo","channels":["project-3"],"data":"{\\"some\\":\\"data\\"}"}';
  const answer = await api.call('POST', `${EVENTS}?${query}`, { raw });
  expect(answer).toMatchObject({ status: 200, text: '{}' });
});

describe('a call is refused with 401 that names what is wrong', () => {
  test.each<[string, SignedCallOptions, string]>([
    ['without a signature', { change: { auth_signature: null } }, 'auth_signature'],
    ['with the signature of another secret', { app: { key: APP.key, secret: 'another' } }, 'auth_signature'],
    ['with the key of another app', { app: { key: 'small-key', secret: 'small-secret' } }, 'auth_key'],
    ['without a key', { change: { auth_key: null } }, 'auth_key'],
    ['with another version', { change: { auth_version: '2.0' } }, 'auth_version'],
    ['601 s after it was signed', { off: -602 }, 'auth_timestamp'],
    ['601 s before it was signed', { off: 602 }, 'auth_timestamp'],
    ['with a time that is no number', { time: 'now' }, 'auth_timestamp'],
    ['with a parameter that was added', { change: { info: 'user_count' } }, 'auth_signature'],
    ['with a time that was changed', { change: { auth_timestamp: '1' } }, 'auth_signature'],
    ['with a body that was changed', { sent: JSON.stringify({ ...event, data: '{"id":2}' }) }, 'body_md5'],
    ['with the digest of another body', { md5: 'ec365a775a4cd0599faeb73354201b6f' }, 'body_md5'],
    ['with a body without a digest', { md5: null }, 'body_md5'],
    ['signed for another path', { signedPath: '/apps/3/batch_events' }, 'auth_signature'],
    ['signed for a path with a prefix that is not set', { signedPath: `/other${EVENTS}` }, 'auth_signature'],
  ])('%s', async (_, options, parameter) => {
    const answer = await post(options);
    expect(answer).toBeProblem(401, 'signature-invalid', wrong(parameter));
    expect(answer.headers['www-authenticate']).toBe('Pusher');
  });

  test('with the signature in capital letters', async () => {
    const url = signedUrl('POST', EVENTS, { body: event });
    const capital = url.replace(/(?<=auth_signature=)[0-9a-f]{64}/, (signature) => signature.toUpperCase());
    expect(capital).not.toBe(url);
    const answer = await api.call('POST', capital, { body: event });
    expect(answer).toBeProblem(401, 'signature-invalid', wrong('auth_signature'));
  });

  test('with a digest of a body that is not there', async () => {
    const answer = await signedCall(api, 'GET', '/apps/3/channels', {
      query: { body_md5: 'ec365a775a4cd0599faeb73354201b6f' },
    });
    expect(answer).toBeProblem(401, 'signature-invalid', wrong('body_md5'));
  });

  test('signed for another method', async () => {
    const url = signedUrl('GET', EVENTS, { body: event });
    expect(await api.call('POST', url, { body: event })).toBeProblem(401, 'signature-invalid', wrong('auth_signature'));
  });
});

test('a call up to 600 s off is taken', async () => {
  vi.useFakeTimers({ now: 1_353_088_179_000, toFake: ['Date'] });
  for (const off of [-600, 600]) expect((await post({ off })).status).toBe(200);
});

test('a path of no app answers 404, whoever signed', async () => {
  for (const path of ['/apps/4/events', '/apps/__proto__/events', '/apps/%20/events']) {
    expect(await post({}, path)).toBeProblem(404, 'app-not-found');
  }
});

test('an expired key answers 403, once it is signed', async () => {
  const app = { key: 'over-key', secret: 'over-secret' };
  expect(await post({ app }, '/apps/over/events')).toBeProblem(403, 'key-expired');
  const other = { key: 'over-key', secret: 'wrong' };
  expect(await post({ app: other }, '/apps/over/events')).toBeProblem(401, 'signature-invalid');
});

test('while the secret of an app is replaced, a call signed with the one before is taken', async () => {
  for (const [secret, status] of [
    ['next-secret', 200],
    ['last-secret', 200],
    ['another', 401],
  ] as const) {
    expect((await post({ app: { key: 'changing-key', secret } }, '/apps/changing/events')).status).toBe(status);
  }
});

test('a parameter that is there twice is refused', async () => {
  const url = `${signedUrl('POST', EVENTS, { body: event })}&auth_key=${APP.key}`;
  const errors = [{ field: 'query.auth_key', rule: 'must be given once' }];
  expect(await api.call('POST', url, { body: event })).toBeProblem(400, 'invalid-request', { errors });
});

test('a parameter whose name has capital letters is refused, also where it was signed in small ones', async () => {
  const query = { filter_by_prefix: 'presence-', info: 'user_count' };
  const url = signedUrl('GET', '/apps/3/channels', { query });
  expect((await api.call('GET', url)).status).toBe(200);
  const errors = [{ field: 'query.INFO', rule: 'must be in lower case' }];
  expect(await api.call('GET', url.replace('info=', 'INFO='))).toBeProblem(400, 'invalid-request', { errors });
});

test('an API key in place of a signature is not enough', async () => {
  expect(await api.call('POST', EVENTS, { key: 'all', body: event })).toBeProblem(401, 'signature-invalid');
});

describe('a prefix of the path', () => {
  test.each([
    ['is signed, and was taken away by the proxy', { signedPath: `/pusher${EVENTS}` }],
    ['is signed, and was left by the proxy', { signedPath: `/push/v2${EVENTS}`, prefix: '/push/v2' }],
    // The PHP library signs /apps/<id> and what follows; its HTTP client adds the prefix.
    ['is not signed, and was left by the proxy', { prefix: '/pusher' }],
    ['is not signed, and was taken away by the proxy', {}],
  ])('%s', async (_, options) => {
    expect((await post(options)).status).toBe(200);
  });

  test('that is not set leads nowhere', async () => {
    expect(await post({ prefix: '/other' })).toBeProblem(404, 'route-not-found');
    expect(await post({ prefix: '/pusherx' })).toBeProblem(404, 'route-not-found');
  });
});

test('the values of the query are signed, escaped in the URL or not', async () => {
  const query = { info: 'user_count,subscription_count', filter_by_prefix: 'presence-a,b;c@d=e' };
  for (const escaped of [true, false]) {
    const { status, text } = await signedCall(api, 'GET', '/apps/3/channels', { query, escaped });
    expect({ status, text }).toEqual({ status: 200, text: '{"channels":{}}' });
  }
});

test('a path is signed as it is sent, or before it is escaped', async () => {
  const path = '/apps/3/users/a%3Cb/terminate_connections';
  for (const signedPath of [path, '/apps/3/users/a<b/terminate_connections']) {
    expect((await post({ body: {}, signedPath }, path)).status).toBe(200);
  }
});

test('the body is JSON whatever type it is said to have', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=utf-8']) {
    const raw = JSON.stringify(event);
    const answer = await api.call('POST', signedUrl('POST', EVENTS, { raw }), {
      raw,
      headers: { 'content-type': type },
    });
    expect(answer.status).toBe(200);
  }
});

test('calls count for the API key of the app, and for its use', async () => {
  const limited = await startTestApi(api.url, [], [], { maxCallsPerKey: 4 });
  try {
    const calls = Array.from({ length: 8 }, () => signedCall(limited, 'POST', EVENTS, { body: event }));
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    await eventually(async () =>
      expect(await limited.broker.readKeyUsages(['ofApp'])).toMatchObject([{ usedAt: expect.any(Number) as number }]),
    );
  } finally {
    await limited.stop();
  }
});
