import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { runCommand } from '@holdfast/local/run-command';
import type { Settings } from '../generator.ts';
import { isThere } from '../native.ts';
import { type Peer, type PeerContext, type Prepared, startRedis } from './peer.ts';
import { startPlainServers } from './plain-server.ts';

/** A package of its own, with its own lock file: what is measured is no part of the product. */
const PEERS = resolve(import.meta.dirname, '../../peers');
/** The platform's package has the program itself: no script has to fetch it. */
const BUN_PACKAGE = `@oven/bun-linux-${process.arch === 'arm64' ? 'aarch64' : 'x64'}`;
const BUN = join(PEERS, 'node_modules', BUN_PACKAGE, 'bin/bun');
const TOPIC_IN_PATH: Settings = [['path', '/%t']];
/** Engine.IO opens the session by itself; "40" joins the main namespace, with what its clients call auth; "2" is its ping. */
const SOCKET_IO: Settings = [
  ['path', '/socket.io/?EIO=4&transport=websocket'],
  ['hello', '40{"topic":"%t"}'],
  ['ready', '40{'],
  ['reply-to', '2'],
  ['reply', '3'],
];
const SOCKET_IO_TUNED = 'WebSocket only, the first request of each session dropped, as its page on performance advises';

/** The obvious server: what one writes first, and the library that Holdfast uses when its accelerator is off. */
export const ws: Peer = {
  name: 'ws',
  description: 'the obvious server of 40 lines on Node, compression off (the default)',
  prepare: (context) => prepare(context, 'ws'),
  start: (layout, context) =>
    startPlainServers({ ...runBy(process.execPath, 'ws-server.js'), settings: TOPIC_IN_PATH }, layout, context),
};

/** µWebSockets inside, and publishing to a topic as Bun's own documentation shows it. */
export const bun: Peer = {
  name: 'bun',
  description: 'Bun.serve with ws.subscribe and server.publish, compression off (the default)',
  prepare: async (context) => {
    const missing = await installPeers(context);
    if (missing !== null) return { missing };
    if (!(await isThere(BUN))) return { missing: `npm has no ${BUN_PACKAGE} for this machine` };
    return { version: `Bun ${await installedVersion(BUN_PACKAGE)}` };
  },
  start: (layout, context) =>
    startPlainServers({ ...runBy(BUN, 'bun-server.js'), settings: TOPIC_IN_PATH }, layout, context),
};

/** Rooms of Socket.IO 4, a room a topic. */
export const socketIo: Peer = {
  name: 'socket.io',
  description: SOCKET_IO_TUNED,
  prepare: (context) => prepare(context, 'socket.io'),
  start: (layout, context) =>
    startPlainServers({ ...runBy(process.execPath, 'socket.io-server.js'), settings: SOCKET_IO }, layout, context),
};

/** The same behind its Redis adapter, which is how several of its processes are one. */
export const socketIoRedis: Peer = {
  name: 'socket.io+redis',
  description: `${SOCKET_IO_TUNED}; @socket.io/redis-adapter`,
  prepare: (context) => prepare(context, 'socket.io'),
  start: async (layout, context) => {
    const redis = await startRedis(context);
    const program = runBy(process.execPath, 'socket.io-server.js', redis.url);
    return startPlainServers({ ...program, settings: SOCKET_IO, redis, isCluster: true }, layout, context);
  },
};

function runBy(command: string, file: string, ...more: readonly string[]) {
  return { command, args: (port: number) => [join(PEERS, file), String(port), ...more] };
}

async function prepare(context: PeerContext, name: string): Promise<Prepared> {
  const missing = await installPeers(context);
  if (missing !== null) return { missing };
  return { version: `${name} ${await installedVersion(name)}, Node ${process.versions.node}` };
}

let installation: Promise<string | null> | undefined;

/** Installs the peers that npm has, once, without running scripts of theirs. Returns null, or why it did not work. */
function installPeers(context: PeerContext): Promise<string | null> {
  installation ??= install(context);
  return installation;
}

async function install({ log }: PeerContext): Promise<string | null> {
  // Beside what was installed stands the lock file that it was installed by.
  const lock = await readFile(join(PEERS, 'package-lock.json'), 'utf8');
  const installed = join(PEERS, 'node_modules/.installed-by');
  if ((await isThere(installed)) && (await readFile(installed, 'utf8')) === lock) return null;
  log('Installing the peers that npm has …');
  const args = ['ci', '--prefix', PEERS, '--no-audit', '--no-fund', '--ignore-scripts'];
  const { code, printed } = await runCommand('npm', args, process.env);
  if (code !== 0) return `npm could not install it: ${printed.split('\n').slice(-3).join(' ')}`;
  await writeFile(installed, lock);
  return null;
}

/** The version of a package that was installed. */
async function installedVersion(name: string): Promise<string> {
  const file = await readFile(join(PEERS, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
}
