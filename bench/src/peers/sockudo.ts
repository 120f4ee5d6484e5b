import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findOnPath } from '@holdfast/local/find-on-path';
import { freePort } from '@holdfast/local/free-port';
import { runCommand } from '@holdfast/local/run-command';
import { CACHE, isThere } from '../native.ts';
import type { Layout, Peer, PeerContext, Prepared, Running } from './peer.ts';
import { startPlainServers } from './plain-server.ts';
import { APP, PUSHER_SETTINGS, publishCall } from './pusher-protocol.ts';

/** Where `cargo install sockudo --root` is asked to put it, unless it is on PATH. */
const BINARY = join(CACHE, 'sockudo/bin/sockudo');
const HOW_TO = `it is not on PATH; to build it, which takes an hour: cargo install sockudo --root ${join(CACHE, 'sockudo')}`;

/** A server of the Pusher protocol in Rust: one process, everything in its memory. */
export const sockudo: Peer = {
  name: 'sockudo',
  description: 'local adapter, apps in memory, no rate limits, no metrics, log at warn',
  isOneProcess: true,
  prepare,
  start,
};

async function binary(): Promise<string | null> {
  return (await isThere(BINARY)) ? BINARY : findOnPath('sockudo', process.env['PATH']);
}

async function prepare(): Promise<Prepared> {
  const command = await binary();
  if (command === null) return { missing: HOW_TO };
  const { code, printed } = await runCommand(command, ['--version'], process.env);
  return code === 0 ? { version: printed.trim() } : { missing: `${command} does not run: ${printed.slice(0, 200)}` };
}

async function start(layout: Layout, context: PeerContext): Promise<Running> {
  const command = await binary();
  if (command === null) throw new Error(HOW_TO);
  const port = await freePort();
  const config = join(context.directory, `sockudo-${port}.json`);
  await writeFile(config, JSON.stringify(configuration(port)));
  const server = {
    // A line for each connection otherwise. `env` becomes what it starts.
    command: 'env',
    args: () => ['RUST_LOG=warn', command, '--config', config],
    port,
    settings: PUSHER_SETTINGS,
    publish: async (http, topic, messages) => {
      for (const data of messages) {
        const { path, body } = publishCall(String(topic), data);
        await http.call('POST', path, body);
      }
    },
  } satisfies Parameters<typeof startPlainServers>[0];
  return startPlainServers(server, layout, context);
}

function configuration(port: number): object {
  return {
    host: '127.0.0.1',
    port,
    debug: false,
    adapter: { driver: 'local' },
    app_manager: {
      driver: 'memory',
      array: {
        apps: [
          {
            id: APP.appId,
            key: APP.key,
            secret: APP.secret,
            enabled: true,
            max_connections: 1_000_000,
            max_client_events_per_second: 10,
            enable_client_messages: true,
          },
        ],
      },
    },
    rate_limiter: { enabled: false },
    metrics: { enabled: false },
  };
}
