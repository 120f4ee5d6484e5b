import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { problem } from '@holdfast/protocol/problems';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestApi, startTestApi } from '../test-api.ts';

let api: TestApi;
let port: number;
beforeAll(async () => {
  api = await startTestApi();
  port = Number(new URL(await api.app.listen({ port: 0, host: '127.0.0.1' })).port);
});
afterAll(() => api.stop());

/** Sends bytes as they are, and gives all that comes back. */
async function exchange(request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(request);
  return text(socket);
}

function problemIn(response: string) {
  expect(response).toMatch(/\r\ncontent-type: application\/problem\+json\r\n/i);
  return problem.parse(JSON.parse(response.slice(response.indexOf('\r\n\r\n'))));
}

describe('a call that there is none', () => {
  test.each([
    ['GET', '/'],
    ['GET', '/v1'],
    ['GET', '/v1/nothing'],
    ['PATCH', '/v1/clients'],
    ['PUT', '/v1/clients'],
    ['DELETE', '/v1/topics'],
    ['POST', '/v1/topics/a'],
    ['POST', '/healthz'],
  ] as const)('%s %s answers 404 route-not-found', async (method, path) => {
    expect(await api.call(method, path, { key: 'all' })).toBeProblem(404, 'route-not-found');
  });
});

describe('what is no call', () => {
  test('a path that cannot be decoded answers 400 invalid-request', async () => {
    expect(await api.call('GET', '/v1/topics/%zz', { key: 'all' })).toBeProblem(400, 'invalid-request');
  });

  test('what is not HTTP answers 400 invalid-request', async () => {
    const response = await exchange('hello\r\n\r\n');
    expect(response).toMatch(/^HTTP\/1\.1 400 /);
    expect(problemIn(response).code).toBe('invalid-request');
  });

  test('headers past 16 KiB answer 431 headers-too-large', async () => {
    const response = await exchange(`GET /v1/edges HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`);
    expect(response).toMatch(/^HTTP\/1\.1 431 /);
    expect(problemIn(response).code).toBe('headers-too-large');
  });

  test.concurrent.each([
    ['the headers', 'POST /v1/clients HTTP/1.1\r\nhost: x\r\n'],
    [
      'the body',
      'PUT /v1/topics/a HTTP/1.1\r\nhost: x\r\nx-api-key: all.a-secret\r\n' +
        'content-type: application/json\r\ncontent-length: 9\r\n\r\n{',
    ],
  ])(
    'a request of which %s do not arrive answers 408 request-timeout, and its connection ends',
    async (_what, part) => {
      const response = await exchange(part);
      expect(response).toMatch(/^HTTP\/1\.1 408 /);
      expect(problemIn(response).code).toBe('request-timeout');
    },
  );
});

describe('an error of ours', () => {
  test('answers 500 internal-error with nothing of its cause, which is logged', async () => {
    const own = await startTestApi();
    try {
      const clientId = await own.client();
      own.broker.readClient = async () => {
        throw new Error('something private', { cause: new Error('the reason') });
      };
      const answer = await own.call('GET', `/v1/clients/${clientId}`);
      expect(answer).toBeProblem(500, 'internal-error');
      expect(answer.text).not.toContain('private');
      const [line] = own.log.saying('call failed');
      expect(line).toMatchObject({
        level: 'error',
        err: { message: 'something private', cause: { message: 'the reason' } },
      });
      expect(line).toMatchObject({ method: 'GET', route: '/v1/clients/:clientId' });
    } finally {
      await own.stop();
    }
  });
});
