import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { EdgeConfig } from '../config.ts';
import { type ServerOptions, createAdminServer } from './server.ts';

export interface AdminPort {
  /** For the log: where it listens. */
  readonly address: string;
  readonly close: () => void;
}

/**
 * Listens on EDGE_ADMIN_PORT, when that is set; null when it is not.
 * @throws what `listen` throws
 */
export async function listenForAdmin(
  { EDGE_HOST: host, EDGE_ADMIN_PORT: port }: Pick<EdgeConfig, 'EDGE_HOST' | 'EDGE_ADMIN_PORT'>,
  options: Pick<ServerOptions, 'health' | 'metrics' | 'onError'>,
): Promise<AdminPort | null> {
  if (port === undefined) return null;
  const server = createAdminServer(options);
  server.listen({ port, host });
  await once(server, 'listening');
  const { port: found } = server.address() as AddressInfo;
  return {
    address: `http://${authority(host, found)}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Host and port as URLs have them. */
export function authority(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
