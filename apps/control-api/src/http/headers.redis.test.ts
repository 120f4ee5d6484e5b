import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestApi, startTestApi } from '../testing/api.ts';

const OURS = 'https://app.example.com';

function preflight(api: TestApi, origin: string) {
  return api.app.inject({
    method: 'OPTIONS',
    url: '/v1/clients/x/topics',
    headers: { origin, 'access-control-request-method': 'DELETE', 'access-control-request-headers': 'content-type' },
  });
}

describe('calls from pages', () => {
  let open: TestApi;
  let closed: TestApi;
  beforeAll(async () => {
    open = await startTestApi(undefined, [], [OURS]);
    closed = await startTestApi();
  });
  afterAll(() => Promise.all([open.stop(), closed.stop()]));

  it('are allowed from the origins that are named, for every method of the calls', async () => {
    const answer = await preflight(open, OURS);
    expect(answer.statusCode).toBe(204);
    expect(answer.headers['access-control-allow-origin']).toBe(OURS);
    expect(answer.headers['access-control-allow-methods']).toContain('DELETE');
    const refused = await open.app.inject({ method: 'GET', url: '/v1/edges', headers: { origin: OURS } });
    expect(refused.statusCode).toBe(403);
    // A page can read the problem, too.
    expect(refused.headers['access-control-allow-origin']).toBe(OURS);
  });

  it.each([
    ['POST', '/v1/clients'],
    ['GET', '/v1/clients/x'],
    ['DELETE', '/v1/clients/x'],
    ['POST', '/v1/clients/x/topics'],
    ['DELETE', '/v1/clients/x/topics'],
    ['POST', '/v1/topics/a/messages'],
    ['GET', '/v1/topics/a/messages'],
    ['GET', '/v1/topics/a/presence'],
    ['POST', '/v1/messages'],
  ] as const)('with a token: %s %s is asked for once in ten minutes', async (method, url) => {
    const wanted = ['authorization', 'content-type', 'idempotency-key'];
    const answer = await open.app.inject({
      method: 'OPTIONS',
      url,
      headers: {
        origin: OURS,
        'access-control-request-method': method,
        'access-control-request-headers': wanted.join(','),
      },
    });
    const list = (name: string) => String(answer.headers[name]).toLowerCase().split(/, */);
    expect(answer.statusCode).toBe(204);
    expect(list('access-control-allow-methods')).toContain(method.toLowerCase());
    expect(list('access-control-allow-headers')).toEqual(expect.arrayContaining(wanted));
    expect(answer.headers['access-control-max-age']).toBe('600');
    // No cookie plays a part.
    expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
  });

  it('are refused with a problem that a page can read when the token is none', async () => {
    const headers = {
      origin: OURS,
      authorization: `Bearer ${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`,
    };
    const answer = await open.app.inject({ method: 'POST', url: '/v1/clients', headers });
    expect(answer.json()).toMatchObject({ code: 'token-invalid' });
    expect(answer.headers['access-control-allow-origin']).toBe(OURS);
  });

  it('are not allowed from anywhere else, and from nowhere when no origin is named', async () => {
    for (const [api, origin] of [
      [open, 'https://evil.example.com'],
      [closed, OURS],
    ] as const) {
      expect((await preflight(api, origin)).headers['access-control-allow-origin']).toBeUndefined();
    }
  });
});
