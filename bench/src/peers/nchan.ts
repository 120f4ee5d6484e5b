import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bringPackage } from '@holdfast/local/distribution-package';
import { findOnPath } from '@holdfast/local/find-on-path';
import { freePort } from '@holdfast/local/free-port';
import { runCommand } from '@holdfast/local/run-command';
import type { HttpPool } from '../http-pool.ts';
import { isThere } from '../native.ts';
import type { Layout, Peer, Running, Surroundings } from './peer.ts';
import { startPlainServers } from './plain-server.ts';
import { type BenchRedis, startRedis } from './redis.ts';

/** Where Debian has it, outside of what PATH usually names. */
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin`;
const MODULE = '/usr/lib/nginx/modules/ngx_nchan_module.so';
const TUNED = 'worker_rlimit_nofile and worker_connections for all, 1 GiB of shared memory, pings every 25 s';

/** nginx with its pub/sub module. */
export const nchan: Peer = {
  name: 'nchan',
  description: `a worker for each 20,000 connections, ${TUNED}`,
  prepare,
  start: (layout, surroundings) => start(layout, surroundings, null),
};

/** The same with its messages in Redis, which is how several of its servers are one. */
export const nchanRedis: Peer = {
  name: 'nchan+redis',
  description: `nchan_use_redis, a worker for each 20,000 connections, ${TUNED}`,
  prepare,
  start: async (layout, surroundings) => start(layout, surroundings, await startRedis(surroundings)),
};

async function prepare({ log }: Surroundings): Promise<{ version: string } | { missing: string }> {
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

async function start(layout: Layout, surroundings: Surroundings, redis: BenchRedis | null): Promise<Running> {
  await using started = new AsyncDisposableStack();
  if (redis !== null) started.defer(redis.stop);
  const port = await freePort();
  const directory = join(surroundings.directory, `nchan-${port}`);
  await mkdir(directory, { recursive: true });
  const file = join(directory, 'nginx.conf');
  const workers = Math.ceil(layout.connections / surroundings.perProcess);
  await writeFile(file, configuration({ port, directory, workers, perProcess: surroundings.perProcess, redis }));
  return startPlainServers(
    {
      command: (await findOnPath('nginx', PATH)) ?? 'nginx',
      args: () => ['-p', directory, '-c', file],
      port,
      settings: [['path', '/subscribe/%t']],
      publish,
      others: redis === null ? [] : [{ name: 'redis', pid: redis.pid }],
      alsoStop: started.move(),
    },
    layout,
    surroundings,
  );
}

interface Configured {
  port: number;
  directory: string;
  workers: number;
  perProcess: number;
  redis: BenchRedis | null;
}

function configuration({ port, directory, workers, perProcess, redis }: Configured): string {
  const upstream = redis === null ? '' : `upstream messages { nchan_redis_server ${redis.url}; }`;
  const stored = redis === null ? '' : 'nchan_redis_pass messages;';
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
