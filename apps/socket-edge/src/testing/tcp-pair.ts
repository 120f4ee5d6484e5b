import { once } from 'node:events';
import { type Socket, connect, createServer } from 'node:net';
import { onTestFinished } from 'vitest';

/** Two ends of a TCP connection. */
export interface TcpPair {
  near: Socket;
  far: Socket;
}

/** Opens a TCP connection within this process, for as long as the test runs. */
export async function tcpPair(): Promise<TcpPair> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const far = connect(address.port, '127.0.0.1');
  const [[near]] = (await Promise.all([once(server, 'connection'), once(far, 'connect')])) as [[Socket], unknown];
  server.close();
  onTestFinished(() => {
    near.destroy();
    far.destroy();
  });
  return { near, far };
}

/** The descriptor of an open socket, as Node keeps it. */
export function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { _handle?: { fd: number } | null };
  if (!handle) throw new Error('the socket is closed');
  return handle.fd;
}
