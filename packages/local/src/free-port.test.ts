import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { freePort } from './free-port.ts';

/** From here on Linux gives ports to those who ask for any; other systems begin higher. */
const GIVEN_AWAY = 32_768;

it('a free port can be listened on, and the system gives it to no one who asks for any', async () => {
  const ports = await Promise.all(Array.from({ length: 50 }, freePort));
  expect(Math.max(...ports)).toBeLessThan(GIVEN_AWAY);
  const server = createServer().listen(ports[0], '127.0.0.1');
  await once(server, 'listening');
  server.close();
});
