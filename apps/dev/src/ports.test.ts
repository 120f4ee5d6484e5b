import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkPorts } from './ports.ts';

const other = createServer();
let port = 0;

beforeAll(async () => {
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  if (address !== null && typeof address === 'object') port = address.port;
});
afterAll(() => other.close());

it('a port in use is named, with the variable that moves it', async () => {
  const free = { port: 0, host: '127.0.0.1', name: 'CONTROL_PORT', variable: 'CONTROL_PORT' };
  const taken = { port, host: '127.0.0.1', name: 'EDGE_PORT + 1', variable: 'EDGE_PORT' };
  await expect(checkPorts([free, taken])).rejects.toThrow(
    `Port ${port} (EDGE_PORT + 1) is in use. Stop what uses it, or choose another by EDGE_PORT.`,
  );
});

it('ports that are free are left free', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const free = address !== null && typeof address === 'object' ? address.port : 0;
  server.close();
  await once(server, 'close');
  const wanted = { port: free, host: '127.0.0.1', name: 'CONTROL_PORT', variable: 'CONTROL_PORT' };
  await checkPorts([wanted]);
  await expect(checkPorts([wanted])).resolves.toBeUndefined();
});
