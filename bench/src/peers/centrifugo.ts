import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HttpPool } from '@holdfast/harness/http-pool';
import { findOnPath } from '@holdfast/local/find-on-path';
import { freePort } from '@holdfast/local/free-port';
import type { RedisServer } from '@holdfast/local/redis-server';
import { runCommand } from '@holdfast/local/run-command';
import { CACHE, isThere } from '../native.ts';
import {
  type Layout,
  type Peer,
  type PeerContext,
  type Prepared,
  type Running,
  startRedis,
  topicName,
} from './peer.ts';
import { startPlainServers } from './plain-server.ts';

const VERSION = 'v6.9.1';
const FOLDER = join(CACHE, `centrifugo-${VERSION}`);
const BINARY = join(FOLDER, 'centrifugo');

/** Its JSON protocol. A connection that comes back asks for what it missed; `{}` is its ping and its pong. */
const SETTINGS = [
  ['path', '/connection/websocket'],
  ['hello', '{"id":1,"connect":{}}'],
  ['hello', '{"id":2,"subscribe":{"channel":"bench.t%t"}}'],
  ['again-hello', '{"id":1,"connect":{}}'],
  ['again-hello', '{"id":2,"subscribe":{"channel":"bench.t%t","recover":true,"epoch":"%q","offset":%p}}'],
  ['ready', '"id":2,"subscribe"'],
  ['position', '"offset":'],
  ['epoch', '"epoch":"'],
  ['reply-to', '{}'],
  ['reply', '{}'],
] as const;

/** One node, everything in its memory. */
export const centrifugo: Peer = {
  name: 'centrifugo',
  description: 'memory engine, no history but where clients are to come back, JSON protocol, log at warn',
  isOneProcess: true,
  prepare,
  start,
};

/** The same with its Redis engine, which is how several of its nodes are one. */
export const centrifugoRedis: Peer = {
  name: 'centrifugo+redis',
  description: 'Redis engine, no history but where clients are to come back, JSON protocol, log at warn',
  isOneProcess: true,
  prepare,
  start: async (layout, context) => start(layout, context, await startRedis(context)),
};

async function prepare({ log }: PeerContext): Promise<Prepared> {
  const version = `Centrifugo ${VERSION}`;
  if (await isThere(BINARY)) return { version };
  const go = await findOnPath('go', process.env['PATH']);
  if (go === null) return { missing: 'go is needed to build it, and is not on PATH' };
  log(`Building ${version}, which takes some minutes …`);
  await mkdir(FOLDER, { recursive: true });
  const module = `github.com/centrifugal/centrifugo/v6@${VERSION}`;
  const { code, printed } = await runCommand(go, ['install', module], { ...process.env, GOBIN: FOLDER });
  return code === 0 ? { version } : { missing: `go could not build it: ${printed.split('\n').slice(-3).join(' ')}` };
}

async function start(layout: Layout, context: PeerContext, redis?: RedisServer): Promise<Running> {
  const port = await freePort();
  const config = join(context.directory, `centrifugo-${port}.json`);
  await writeFile(config, JSON.stringify(configuration(port, layout.willBeKilled === true, redis)));
  const args = () => ['--config', config];
  return startPlainServers({ command: BINARY, args, port, settings: SETTINGS, publish, redis }, layout, context);
}

function configuration(port: number, hasHistory: boolean, redis?: RedisServer): object {
  const history = hasHistory ? { history_size: 1000, history_ttl: '300s', force_recovery: true } : {};
  return {
    http_server: { address: '127.0.0.1', port },
    client: { insecure: true, allowed_origins: ['*'] },
    http_api: { insecure: true },
    channel: { without_namespace: { allow_subscribe_for_client: true, ...history } },
    engine: redis === undefined ? { type: 'memory' } : { type: 'redis', redis: { address: redis.url } },
    log: { level: 'warn' },
  };
}

async function publish(http: HttpPool, topic: number, messages: readonly string[]): Promise<void> {
  const commands = messages.map((data) => `{"publish":{"channel":"${topicName(topic)}","data":${data}}}`);
  await http.call('POST', '/api/batch', `{"commands":[${commands.join(',')}]}`);
}
