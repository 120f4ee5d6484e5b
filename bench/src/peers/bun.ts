import { join } from 'node:path';
import { isThere } from '../native.ts';
import { PEERS, installPeers, installedVersion } from './npm-packages.ts';
import type { Peer } from './peer.ts';
import { startPlainServers } from './plain-server.ts';

/** The platform's package has the program itself: no script has to fetch it. */
const PACKAGE = `@oven/bun-linux-${process.arch === 'arm64' ? 'aarch64' : 'x64'}`;
const BUN = join(PEERS, 'node_modules', PACKAGE, 'bin/bun');

/** µWebSockets inside, and publishing to a topic as Bun's own documentation shows it. */
export const bun: Peer = {
  name: 'bun',
  description: 'Bun.serve with ws.subscribe and server.publish, compression off (the default)',
  prepare: async ({ log }) => {
    const missing = await installPeers(log);
    if (missing !== null) return { missing };
    if (!(await isThere(BUN))) return { missing: `npm has no ${PACKAGE} for this machine` };
    return { version: `Bun ${await installedVersion(PACKAGE)}` };
  },
  start: (layout, surroundings) =>
    startPlainServers(
      { command: BUN, args: (port) => [join(PEERS, 'bun-server.js'), String(port)], settings: [['path', '/%t']] },
      layout,
      surroundings,
    ),
};
