import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call } from './rest.ts';

describe('call', () => {
  let server: Server;
  let url: string;

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      let body = '';
      for await (const part of request.setEncoding('utf8')) body += String(part);
      if (request.url === '/text') response.writeHead(404).end('no JSON');
      else if (request.url === '/empty') response.writeHead(204).end();
      else {
        const { 'x-api-key': key, 'content-type': type } = request.headers;
        response.writeHead(202, { 'x-more': '1' }).end(JSON.stringify({ method: request.method, key, type, body }));
      }
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    url = `http://127.0.0.1:${address.port}`;
  });
  afterAll(() => server.close());

  it('sends the key and the body as JSON, and gives status, headers and the JSON of the answer', async () => {
    const answer = await call(url, 'POST', '/v1/x', { key: 'id.secret', body: { a: 1 } });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('x-more')).toBe('1');
    expect(answer.body).toEqual({ method: 'POST', key: 'id.secret', type: 'application/json', body: '{"a":1}' });
  });

  it('sends a raw body byte for byte, and no content type without a body', async () => {
    expect((await call(url, 'PUT', '/v1/x', { rawBody: '{ "a"' })).body).toMatchObject({ body: '{ "a"' });
    expect((await call(url, 'GET', '/v1/x')).body).not.toHaveProperty('type');
  });

  it('gives a body that is no JSON as text, and an empty one as undefined', async () => {
    expect(await call(url, 'GET', '/text')).toMatchObject({ status: 404, body: 'no JSON' });
    expect((await call(url, 'GET', '/empty')).body).toBeUndefined();
  });
});
