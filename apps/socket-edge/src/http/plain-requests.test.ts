import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, it } from 'vitest';
import { PlainRequests } from './plain-requests.ts';

it('of requests that came together a few are read, and the others not even taken apart', async () => {
  const held = Promise.withResolvers<null>();
  const requests = new PlainRequests({
    answer: () => held.promise,
    has: () => true,
    connects: () => false,
    onError: () => undefined,
  });
  let taken = 0;
  const server = createServer((request, response) => {
    taken += 1;
    requests.take(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  socket.resume().write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1000));
  await once(socket, 'close');
  expect(taken).toBe(9);
  held.resolve(null);
  server.close();
});
