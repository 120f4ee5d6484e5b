import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpPool } from './http-pool.ts';

let server: Server;
let pool: HttpPool;
let connections = 0;

beforeEach(async () => {
  connections = 0;
  server = createServer(async (request, response) => {
    const body = await text(request);
    const answer = `${request.method} ${request.url} ${String(request.headers['x-api-key'])} ${body}`;
    if (request.url === '/hang-up') request.socket.destroy();
    else if (request.url === '/to-the-end') request.socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it');
    else if (request.url === '/chunks') {
      // The second one leaves when the first has been read: this loop looks at its sockets between two immediates.
      response.write('a long ', () => setImmediate(() => setImmediate(() => response.end('answer'))));
    } else {
      const status = request.url === '/refused' ? 403 : 202;
      response.writeHead(status, { 'Content-Length': Buffer.byteLength(answer) }).end(answer);
    }
  });
  server.on('connection', () => (connections += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  pool = new HttpPool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 2, { 'X-API-Key': 'a.b' });
});
afterEach(async () => {
  pool.close();
  server.close();
  await once(server, 'close');
});

describe('calls', () => {
  it('are answered, each with its own answer, over no more connections than the pool has', async () => {
    const bodies = Array.from({ length: 50 }, (_, index) => `ö${'x'.repeat(index * 1000)}`);
    const answers = await Promise.all(bodies.map((body) => pool.call('POST', '/a', body)));
    expect(answers).toEqual(bodies.map((body) => ({ status: 202, body: `POST /a a.b ${body}` })));
    expect(connections).toBe(2);
  });

  it('may be answered in chunks', async () => {
    expect((await pool.call('GET', '/chunks')).body).toBe('a long answer');
    expect((await pool.call('GET', '/b')).body).toContain('/b');
  });

  it('may be answered up to the end of the connection', async () => {
    expect((await pool.call('GET', '/to-the-end')).body).toBe('all of it');
    expect((await pool.call('GET', '/b')).body).toContain('/b');
  });

  it('that are refused reject, and the next are served', async () => {
    await expect(pool.call('GET', '/refused')).rejects.toThrow('GET /refused was answered with 403');
    expect((await pool.call('GET', '/b')).status).toBe(202);
  });

  it('without an answer reject, and the next get a new connection', async () => {
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => pool.call('GET', '/hang-up')));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected']);
    expect((await pool.call('GET', '/c')).status).toBe(202);
  });
});
