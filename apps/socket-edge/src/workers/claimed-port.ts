import { once } from 'node:events';
import { type AddressInfo, type ListenOptions, type Server, createServer } from 'node:net';

/** A port that is ours to share out. */
export interface ClaimedPort {
  readonly port: number;
  /**
   * Makes sure that no other process listens there, while none of ours does.
   * @throws what `listen` throws
   */
  readonly check: () => Promise<void>;
}

/**
 * Claims a port for processes that will listen on it side by side (SO_REUSEPORT). The kernel would let any process of
 * the same user join them, so: another listener is found by listening without that option, which no other
 * listener allows, whatever its own options; and another parent that does the same is kept off by a name that one process of
 * this machine can hold (an abstract socket: it vanishes with us, however we end).
 * @param port 0 lets the system choose
 * @throws what `listen` throws
 */
export async function claimPort(host: string, port: number): Promise<ClaimedPort> {
  const found = await listenFor(port, host);
  await holdName(host, found);
  await listenFor(found, host);
  return { port: found, check: () => listenFor(found, host).then(() => undefined) };
}

/** Listens for a moment; returns the port. */
async function listenFor(port: number, host: string): Promise<number> {
  const server = await listening({ port, host });
  const address = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return address.port;
}

async function holdName(host: string, port: number): Promise<void> {
  try {
    (await listening({ path: `\0holdfast-edge:${host}:${port}` })).unref();
  } catch (error) {
    // The name represents the port, and so does the fault.
    throw Object.assign(error as Error, { address: host, port });
  }
}

async function listening(options: ListenOptions): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  server.listen(options);
  await once(server, 'listening');
  return server;
}
