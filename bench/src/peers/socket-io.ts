import { join } from 'node:path';
import { PEERS, installPeers, installedVersion } from './npm-packages.ts';
import type { Peer } from './peer.ts';
import { startPlainServers } from './plain-server.ts';
import { startRedis } from './redis.ts';

/** Engine.IO opens the session by itself; "40" joins the main namespace, with what its clients call auth; "2" is its ping. */
const SETTINGS = [
  ['path', '/socket.io/?EIO=4&transport=websocket'],
  ['hello', '40{"topic":"%t"}'],
  ['ready', '40{'],
  ['reply-to', '2'],
  ['reply', '3'],
] as const;

const TUNED = 'WebSocket only, the first request of each session dropped, as its page on performance advises';

/** Rooms of Socket.IO 4, a room a topic. */
export const socketIo: Peer = {
  name: 'socket.io',
  description: TUNED,
  prepare,
  start: (layout, surroundings) =>
    startPlainServers(
      {
        command: process.execPath,
        args: (port) => [join(PEERS, 'socket.io-server.js'), String(port)],
        settings: SETTINGS,
      },
      layout,
      surroundings,
    ),
};

/** The same behind its Redis adapter, which is how several of its processes are one. */
export const socketIoRedis: Peer = {
  name: 'socket.io+redis',
  description: `${TUNED}; @socket.io/redis-adapter`,
  prepare,
  start: async (layout, surroundings) => {
    const redis = await startRedis(surroundings);
    const alsoStop = new AsyncDisposableStack();
    alsoStop.defer(redis.stop);
    const server = {
      command: process.execPath,
      args: (port: number) => [join(PEERS, 'socket.io-server.js'), String(port), redis.url],
      settings: SETTINGS,
      others: [{ name: 'redis', pid: redis.pid }],
      isCluster: true,
      alsoStop,
    };
    return startPlainServers(server, layout, surroundings);
  },
};

async function prepare({ log }: { log: (line: string) => void }): Promise<{ version: string } | { missing: string }> {
  const missing = await installPeers(log);
  if (missing !== null) return { missing };
  return { version: `socket.io ${await installedVersion('socket.io')}, Node ${process.versions.node}` };
}
