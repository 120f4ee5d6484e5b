import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HttpPool } from '@holdfast/harness/http-pool';
import { bringPackage } from '@holdfast/local/distribution-package';
import { findOnPath } from '@holdfast/local/find-on-path';
import { freePort } from '@holdfast/local/free-port';
import type { RedisServer } from '@holdfast/local/redis-server';
import { runCommand } from '@holdfast/local/run-command';
import { isThere } from '../native.ts';
import { type Layout, type Peer, type PeerContext, type Prepared, type Running, startRedis } from './peer.ts';
import { startPlainServers } from './plain-server.ts';

/** Where Debian has it, outside of what PATH usually names. */
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin`;
const MODULE = '/usr/lib/nginx/modules/ngx_nchan_module.so';
const TUNED = 'worker_rlimit_nofile and worker_connections for all, 1 GiB of shared memory, pings every 25 s';

/** nginx with its pub/sub module. */
export const nchan: Peer = {
  name: 'nchan',
  description: `a worker for each 20,000 connections, ${TUNED}`,
  prepare,
  start,
};

/** The same with its messages in Redis, which is how several of its servers are one. */
export const nchanRedis: Peer = {
  name: 'nchan+redis',
  description: `nchan_use_redis, a worker for each 20,000 connections, ${TUNED}`,
  prepare,
  start: async (layout, context) => start(layout, context, await startRedis(context)),
};

async function prepare({ log }: PeerContext): Promise<Prepared> {
  if (!(await isThere(MODULE))) {
    const brought = await bringPackage({
      what: 'Nchan',
      packages: ['libnginx-mod-nchan'],
      env: process.env,
      isRoot: process.getuid?.() === 0,
      announce: log,
    });
    if ('missing' in brought) return brought;
  }
  const nginx = await findOnPath('nginx', PATH);
  if (nginx === null) return { missing: 'nginx is not on PATH, though its module is installed' };
  const version = /nginx\/\S+/.exec((await runCommand(nginx, ['-v'], { PATH })).printed)?.[0] ?? 'nginx';
  const status = await runCommand('dpkg-query', ['-W', '-f=${Version}', 'libnginx-mod-nchan'], process.env);
  return { version: `${version}, Nchan ${status.output}` };
}

async function start(layout: Layout, context: PeerContext, redis?: RedisServer): Promise<Running> {
  const port = await freePort();
  const directory = join(context.directory, `nchan-${port}`);
  await mkdir(directory, { recursive: true });
  const file = join(directory, 'nginx.conf');
  const { perProcess } = context;
  const workers = Math.ceil(layout.connections / perProcess);
  await writeFile(file, configuration({ port, directory, workers, perProcess, redis }));
  const command = (await findOnPath('nginx', PATH)) ?? 'nginx';
  const args = () => ['-p', directory, '-c', file];
  const settings = [['path', '/subscribe/%t']] as const;
  return startPlainServers({ command, args, port, settings, publish, redis }, layout, context);
}

interface Configuration {
  port: number;
  directory: string;
  workers: number;
  perProcess: number;
  redis: RedisServer | undefined;
}

function configuration({ port, directory, workers, perProcess, redis }: Configuration): string {
  const upstream = redis === undefined ? '' : `upstream messages { nchan_redis_server ${redis.url}; }`;
  const stored = redis === undefined ? '' : 'nchan_redis_pass messages;';
  return `
load_module ${MODULE};
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
pid ${directory}/nginx.pid;
error_log stderr error;
worker_processes ${workers};
worker_rlimit_nofile ${perProcess + 400};
events { worker_connections ${perProcess + 300}; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  keepalive_requests 1000000;
  nchan_shared_memory_size 1024m;
  ${upstream}
  server {
    listen 127.0.0.1:${port} backlog=4096${workers > 1 ? ' reuseport' : ''};
    location ~ ^/subscribe/(\\d+)$ {
      nchan_subscriber websocket;
      nchan_channel_id $1;
      nchan_subscriber_first_message newest;
      nchan_websocket_ping_interval 25;
      ${stored}
    }
    location ~ ^/publish/(\\d+)$ {
      nchan_publisher http;
      nchan_channel_id $1;
      nchan_message_buffer_length 1000;
      nchan_message_timeout 300s;
      ${stored}
    }
  }
}
`;
}

/** It has no call for several messages. */
async function publish(http: HttpPool, topic: number, messages: readonly string[]): Promise<void> {
  for (const message of messages) await http.call('POST', `/publish/${topic}`, message);
}
