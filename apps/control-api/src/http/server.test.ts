import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type ServerLimits, addressKey, limitedServer } from './server.ts';

const LIMITS: ServerLimits = {
  maxConnections: 1000,
  maxConnectionsPerAddress: 1000,
  maxRequestsPerSocket: 1000,
  answerTimeoutMs: 60_000,
  trustedProxies: [],
};
const GET = 'GET /a HTTP/1.1\r\nhost: x\r\n\r\n';

/** Of a machine that runs other things as well. */
const WAIT = { timeout: 20_000 };

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

async function started(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  limits: Partial<ServerLimits> = {},
): Promise<Server> {
  const server = limitedServer(handle, {}, { ...LIMITS, ...limits }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return server;
}

async function connected(server: Server): Promise<Socket & { text: () => string }> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  let text = '';
  socket.on('error', () => undefined).on('data', (chunk) => (text += chunk.toString('latin1')));
  stops.push(() => socket.destroy());
  await once(socket, 'connect');
  return Object.assign(socket, { text: () => text });
}

const count = (text: string, of: string) => text.split(of).length - 1;

describe('a connection', () => {
  test('has one request at a time, however many the client sends before the answers, and all in order', async () => {
    let working = 0;
    let most = 0;
    let handled = 0;
    const server = await started((request, response) => {
      working += 1;
      most = Math.max(most, working);
      setImmediate(() => {
        working -= 1;
        handled += 1;
        response.end(`<${request.url}>`);
      });
    });
    const socket = await connected(server);
    const urls = Array.from({ length: 500 }, (_, index) => `/${index}`);
    socket.write(urls.map((url) => GET.replace('/a', url)).join(''));
    await expect.poll(() => handled, WAIT).toBe(500);
    await expect.poll(() => socket.text().match(/(?<=<)\/\d+(?=>)/g), WAIT).toEqual(urls);
    expect(most).toBe(1);
  });

  test('takes bodies of any kind and size, with requests behind them', async () => {
    const bodies: number[] = [];
    const server = await started((request, response) => {
      let bytes = 0;
      request.on('data', (chunk: Buffer) => (bytes += chunk.length));
      request.on('end', () => {
        bodies.push(bytes);
        response.end('done');
      });
    });
    const socket = await connected(server);
    const post = 'POST /a HTTP/1.1\r\nhost: x\r\n';
    const chunk = 'x'.repeat(50_000);
    socket.write(`${post}content-length: 300000\r\n\r\n${'x'.repeat(300_000)}${GET}`);
    const framed = `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
    socket.write(`${post}transfer-encoding: chunked\r\n\r\n${framed.repeat(4)}0\r\n\r\n${GET}${GET}`);
    await expect.poll(() => count(socket.text(), 'done'), WAIT).toBe(5);
    expect(bodies).toEqual([300_000, 0, 200_000, 0, 0]);
  });

  test('that pipelines and never reads has one answer in memory, and is closed when its time is up', async () => {
    let begun = 0;
    const large = Buffer.alloc(8 * 1024 * 1024, 'x');
    const server = await started(
      (_request, response) => {
        begun += 1;
        response.end(large);
      },
      { answerTimeoutMs: 100 },
    );
    const socket = await connected(server);
    socket.pause();
    socket.write(GET.repeat(2500));
    await expect.poll(() => begun, WAIT).toBe(1);
    await expect.poll(() => connections(server), WAIT).toBe(0);
    expect(begun).toBe(1);
  });

  test('of which the client hangs up has the rest of its requests dropped', async () => {
    let begun = 0;
    const server = await started(() => {
      begun += 1;
    });
    const socket = await connected(server);
    socket.write(GET.repeat(30));
    await expect.poll(() => begun, WAIT).toBe(1);
    socket.resetAndDestroy();
    await expect.poll(() => connections(server), WAIT).toBe(0);
    expect(begun).toBe(1);
  });

  test('is closed with an answer when it has had its number of requests', async () => {
    const server = await started((_request, response) => response.end('x'), { maxRequestsPerSocket: 2 });
    const socket = await connected(server);
    const closed = once(socket, 'close');
    socket.write(GET + GET);
    await closed;
    expect(socket.text().match(/connection: [a-z-]+/gi)).toEqual(['Connection: keep-alive', 'Connection: close']);
  });
});

const answer = (_request: IncomingMessage, response: ServerResponse) => response.end('x');
const ask = async (server: Server) => {
  const socket = await connected(server);
  socket.write(GET);
  await expect.poll(() => socket.text(), WAIT).toMatch(/^HTTP/);
  return { socket, status: Number(socket.text().slice(9, 12)) };
};

describe('connections', () => {
  test('past those that one address may have are answered with 429; when others have gone there is room', async () => {
    const server = await started(answer, { maxConnectionsPerAddress: 2 });
    const first = await ask(server);
    const second = await ask(server);
    const third = await ask(server);
    expect([first.status, second.status, third.status]).toEqual([200, 200, 429]);
    expect(third.socket.text()).toMatch(/retry-after: 1\r\n[^]*"code":"too-many-connections"/i);
    first.socket.destroy();
    await expect.poll(() => connections(server), WAIT).toBe(1);
    expect((await ask(server)).status).toBe(200);
  });

  test('of a trusted proxy are counted in all only, and past that answered with 503', async () => {
    const server = await started(answer, {
      maxConnectionsPerAddress: 1,
      maxConnections: 3,
      trustedProxies: ['127.0.0.0/8'],
    });
    const statuses: number[] = [];
    for (let number = 0; number < 4; number += 1) statuses.push((await ask(server)).status);
    expect(statuses).toEqual([200, 200, 200, 503]);
  });
});

function connections(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, number) => (error ? reject(error) : resolve(number)));
  });
}

describe('where a caller counts as', () => {
  test.each([
    ['203.0.113.8', '203.0.113.8'],
    ['::ffff:203.0.113.8', '203.0.113.8'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002:ffff::1', '2001:db8:1:2::/64'],
    ['2001:db8::', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('%s counts as %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });
});
