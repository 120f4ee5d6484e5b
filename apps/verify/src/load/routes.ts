import { CONNECT_PATH } from '@holdfast/protocol/version';
import type { Run } from './identity.ts';
import type { Route } from './websocket/connection.ts';

/**
 * Linux offers 28,232 ports for each source address, and looks for a free one from a random place on: with 10,000 taken
 * that costs 300 µs a connection, with 3,000 it costs nothing (3,200 and 15,000 connections a second were measured).
 */
const CONNECTIONS_PER_ADDRESS = 3_000;

/**
 * The addresses of 127.0.0.0/8 from which one process connects. Each run has others: the ports of the run before rest
 * for a minute (TIME_WAIT), and would be in the way.
 */
export function sourceAddresses(run: Run, worker: number, connections: number): string[] {
  const network = 1 + (Number.parseInt(run.id.slice(0, 4), 16) % 254);
  const count = Math.max(1, Math.ceil(connections / CONNECTIONS_PER_ADDRESS));
  return Array.from({ length: count }, (_, index) => `127.${network}.${worker + 1}.${index + 1}`);
}

/**
 * The way to an edge. From one of our loopback addresses when the edge listens on one, where all of 127.0.0.0/8 belongs
 * to the machine; otherwise the system chooses.
 */
export function routeTo(
  edgeUrl: string,
  sources: readonly string[],
  connection: number,
  asks: { resume: boolean; presence: boolean },
): Route {
  const url = new URL(edgeUrl);
  const tls = url.protocol === 'wss:';
  const localAddress = sources[connection % sources.length];
  const isOurs = process.platform === 'linux' && /^127\.\d+\.\d+\.\d+$/.test(url.hostname);
  const query = [asks.resume ? 'resume=1' : [], asks.presence ? 'presence=1' : []].flat().join('&');
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (tls ? 443 : 80) : Number(url.port),
    tls,
    path: `${url.pathname.replace(/\/$/, '')}${CONNECT_PATH}${query === '' ? '' : `?${query}`}`,
    ...(isOurs && localAddress !== undefined ? { localAddress } : {}),
  };
}
