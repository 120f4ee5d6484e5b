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

  it('are not allowed from anywhere else, and from nowhere when no origin is named', async () => {
    for (const [api, origin] of [
      [open, 'https://evil.example.com'],
      [closed, OURS],
    ] as const) {
      expect((await preflight(api, origin)).headers['access-control-allow-origin']).toBeUndefined();
    }
  });
});
