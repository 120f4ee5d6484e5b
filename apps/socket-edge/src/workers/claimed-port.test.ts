import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { claimPort } from './claimed-port.ts';

const HOST = '127.0.0.1';

test('a claimed port is free to listen on, and stays claimed', async () => {
  const { port, check } = await claimPort(HOST, 0);
  await check();
  const server = createServer().listen({ port, host: HOST, reusePort: true });
  await once(server, 'listening');
  await expect(check()).rejects.toMatchObject({ code: 'EADDRINUSE', port });
  server.close();
  await once(server, 'close');
  await check();
});

test('a port on which another process listens is refused, also when that one would share it', async () => {
  for (const reusePort of [false, true]) {
    const server = createServer().listen({ port: 0, host: HOST, reusePort });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await expect(claimPort(HOST, port)).rejects.toMatchObject({
      code: 'EADDRINUSE',
      syscall: 'listen',
      address: HOST,
      port,
    });
    server.close();
  }
});

test('a port that another has claimed is refused, though no server listens on it yet', async () => {
  const { port } = await claimPort(HOST, 0);
  await expect(claimPort(HOST, port)).rejects.toMatchObject({
    code: 'EADDRINUSE',
    syscall: 'listen',
    address: HOST,
    port,
  });
});
