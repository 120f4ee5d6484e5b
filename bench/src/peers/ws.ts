import { join } from 'node:path';
import { PEERS, installPeers, installedVersion } from './npm-packages.ts';
import type { Peer } from './peer.ts';
import { startPlainServers } from './plain-server.ts';

/** The obvious server: what one writes first, and what Holdfast stands on when its accelerator is off. */
export const ws: Peer = {
  name: 'ws',
  description: 'the obvious server of 40 lines on Node, compression off (the default)',
  prepare: async ({ log }) => {
    const missing = await installPeers(log);
    if (missing !== null) return { missing };
    return { version: `ws ${await installedVersion('ws')}, Node ${process.versions.node}` };
  },
  start: (layout, surroundings) =>
    startPlainServers(
      {
        command: process.execPath,
        args: (port) => [join(PEERS, 'ws-server.js'), String(port)],
        settings: [['path', '/%t']],
      },
      layout,
      surroundings,
    ),
};
