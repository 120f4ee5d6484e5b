import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { problem } from '@holdfast/protocol/problems';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestApi, startTestApi } from '../testing/api.ts';

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
    ['GET', '/v1'],
    ['GET', '/v1/nothing'],
    ['POST', '/v1/topics/a/b'],
  ] as const)('%s %s answers 404 route-not-found', async (method, path) => {
    expect(await api.call(method, path, { key: 'all' })).toBeProblem(404, 'route-not-found');
  });

  test.each([
    ['PATCH', '/v1/clients', 'GET, HEAD, POST'],
    ['PUT', '/v1/clients?a=b', 'GET, HEAD, POST'],
    ['DELETE', '/v1/topics', 'GET, HEAD'],
    ['POST', '/v1/topics/a', 'DELETE, GET, HEAD, PUT'],
    ['POST', '/healthz', 'GET, HEAD'],
  ] as const)('%s %s answers 405 with the methods that it has', async (method, path, allow) => {
    const answer = await api.call(method, path, { key: 'all' });
    expect(answer).toBeProblem(405, 'method-not-allowed');
    expect(answer.headers['allow']).toBe(allow);
  });

  test.each(['PROPFIND', 'QUERY', 'OPTIONS', 'LOCK'])('%s, which nothing here has, answers 405', async (method) => {
    const response = await exchange(`${method} /v1/edges HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    expect(response).toMatch(/^HTTP\/1\.1 405 /);
    expect(response).toMatch(/\r\nallow: GET, HEAD\r\n/i);
  });
});

describe('what a library refuses', () => {
  test.each(['/docs/%00', '/docs/%2e%2e%2f%2e%2e%2fpackage.json', '/docs/..%5c', '/docs/nothing'])(
    'GET %s stays a 4xx, and no error is logged',
    async (path) => {
      const answer = await api.call('GET', path);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      expect(api.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
    },
  );
});

const head = (length: string, extra = '') =>
  `POST /v1/topics/a/messages HTTP/1.1\r\nhost: x\r\nx-api-key: all.a-secret\r\n` +
  `content-type: application/json\r\n${extra}${length}\r\n\r\n`;
const whole = (piece: string) => piece;
const chunk = (piece: string) => `${piece.length.toString(16)}\r\n${piece}\r\n`;
const NEXT = 'GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';

describe('a body', () => {
  test('that is encoded answers 415, and says what is taken', async () => {
    const raw = gzipSync('{}');
    for (const encoding of ['gzip', 'br', 'GZIP, br']) {
      const answer = await api.call('POST', '/v1/clients', {
        key: 'all',
        raw,
        headers: { 'content-encoding': encoding },
      });
      expect(answer).toBeProblem(415, 'unsupported-encoding');
      expect(answer.headers['accept-encoding']).toBe('identity');
    }
    const plain = await api.call('POST', '/v1/clients', {
      key: 'all',
      raw: '{}',
      headers: { 'content-encoding': 'identity' },
    });
    expect(plain.status).toBe(201);
  });

  test.each([
    ['with its length', head('content-length: 8000000'), whole, NEXT, /^HTTP\/1\.1 413 [^]*"status":"ok"/],
    ['in chunks', head('transfer-encoding: chunked'), chunk, `0\r\n\r\n${NEXT}`, /^HTTP\/1\.1 413 [^]*"status":"ok"/],
    [
      'that no key came with',
      head('content-length: 8000000').replace('all.', 'no.'),
      whole,
      NEXT,
      /^HTTP\/1\.1 403 [^]*"status":"ok"/,
    ],
    ['on its last request', head('content-length: 8000000', 'connection: close\r\n'), whole, '', /^HTTP\/1\.1 413 /],
  ])(
    'that is too large, %s, is read before it is refused: no caller gets a broken pipe',
    async (_what, start, framed, behind, expected) => {
      const socket = connect(port, '127.0.0.1');
      const errors: Error[] = [];
      socket.on('error', (error) => errors.push(error));
      const answered = text(socket);
      socket.write(start);
      const piece = framed('x'.repeat(80_000));
      for (let sent = 0; sent < 100; sent += 1) {
        if (!socket.write(piece)) await once(socket, 'drain');
      }
      socket.write(behind);
      expect(await answered).toMatch(expected);
      expect(errors).toEqual([]);
    },
  );

  test('that never ends is read up to a bound, and then its connection is closed', async () => {
    const socket = connect(port, '127.0.0.1');
    // The server no longer reads: what is still written breaks.
    socket.on('error', () => undefined).resume();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(head(`content-length: ${10 ** 12}`));
    const piece = Buffer.alloc(1024 * 1024, 'x');
    const send = () => socket.writable && socket.write(piece, send);
    send();
    await closed;
    expect(socket.bytesWritten).toBeLessThan(200 * 1024 * 1024);
  });
});

describe('what answers say of themselves', () => {
  test('no answer is taken for another type, and none of the API is kept by a cache', async () => {
    for (const path of ['/v1/edges', '/v1/nothing', '/v1/clients/x']) {
      const { headers } = await api.call('GET', path, { key: 'all' });
      expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    }
    expect((await api.call('GET', '/openapi.json')).headers['x-content-type-options']).toBe('nosniff');
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
      const [line] = own.log.linesWith('call failed');
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
