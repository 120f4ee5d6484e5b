import { removeFootprint, writeFootprint } from '@holdfast/local/footprint';
import { webSocketUrl } from '@holdfast/local/installation';
import { findOrBringRedis } from '@holdfast/local/redis';
import { startRedisServer } from '@holdfast/local/redis-server';
import { type App, startService } from '@holdfast/local/services';
import { childLog } from './child-log.ts';
import type { DevConfig } from './config.ts';
import { developmentKey } from './development-key.ts';
import { keepRunning } from './keep-running.ts';
import { keptFolder } from './kept-folder.ts';
import { checkPorts, type WantedPort } from './ports.ts';
import { untilRedisAnswers } from './reach-redis.ts';
import { untilReady } from './readiness.ts';
import { createTopics } from './topics.ts';

const LOOPBACK = '127.0.0.1';

export interface DevInstallationOptions {
  config: DevConfig;
  env: Readonly<Record<string, string | undefined>>;
  /** The folder of the repository; `.holdfast/` in it keeps what stays. */
  directory: string;
  /** Takes lines for people. */
  say: (line: string) => void;
  /** Ends every wait of the start. */
  signal: AbortSignal;
}

export interface DevInstallation {
  readonly redis: string;
  readonly controlUrl: string;
  readonly edgeUrls: readonly string[];
  readonly key: string;
  readonly logs: string;
  /** Ends edges, control-api and the Redis it brought, in this order. */
  readonly stop: () => Promise<void>;
}

/** Starts everything a first look needs and keeps it running. When it cannot, it ends what it started, and rejects. */
export async function startDevInstallation(options: DevInstallationOptions): Promise<DevInstallation> {
  const { config, directory, say, signal } = options;
  await using started = new AsyncDisposableStack();
  await checkPorts(wantedPorts(config));

  const { kept, logs } = await keptFolder(directory);
  const { key, keysFile } = await developmentKey(kept);

  // Until the topics are there for the first time, the start itself creates them.
  let refill: (() => void) | null = null;
  const redis = await startRedis(started, options, () => refill?.());
  const common = { ...config.serviceEnv, REDIS_URL: redis.url, REDIS_PREFIX: config.prefix, API_KEYS_FILE: keysFile };
  const surroundings: ServiceSurroundings = { env: common, logs, say };
  const control = await keepService({
    name: 'control-api',
    app: 'control-api',
    portVariable: 'CONTROL_PORT',
    port: config.controlPort,
    ...surroundings,
  });
  started.defer(control.stop);
  const controlUrl = control.url;
  signal.throwIfAborted();
  const edgeAddresses = await keepEdges(started, config.edgePorts, surroundings);
  signal.throwIfAborted();

  await untilReady('control-api', controlUrl, say, signal);
  await createTopics(controlUrl, key, signal);
  refill = () => {
    createTopics(controlUrl, key, signal).catch((error: unknown) => {
      if (!signal.aborted) say(`The topics could not be created again: ${String(error)}`);
    });
  };
  await Promise.all(edgeAddresses.map((url, index) => untilReady(`socket-edge-${index + 1}`, url, say, signal)));
  const edgeUrls = edgeAddresses.map(webSocketUrl);
  await writeFootprint({ controlUrl, edgeUrls, key, keysFile, pid: process.pid }, directory);
  started.defer(() => removeFootprint(process.pid, directory));

  const running = started.move();
  return { redis: redis.said, controlUrl, edgeUrls, key, logs, stop: () => running.disposeAsync() };
}

function wantedPorts({ controlPort, edgePorts, serviceEnv }: DevConfig): WantedPort[] {
  const control = {
    port: controlPort,
    host: serviceEnv['CONTROL_HOST'] || LOOPBACK,
    name: 'CONTROL_PORT',
    variable: 'CONTROL_PORT',
  };
  const edges = edgePorts.map((port, index) => ({
    port,
    host: serviceEnv['EDGE_HOST'] || LOOPBACK,
    name: index === 0 ? 'EDGE_PORT' : `EDGE_PORT + ${index}`,
    variable: 'EDGE_PORT',
  }));
  return [control, ...edges];
}

/** A Redis of ours that ends is started again where it was. It comes back empty, so `onBack` fills it. */
async function startRedis(
  started: AsyncDisposableStack,
  { env, say, signal }: DevInstallationOptions,
  onBack: () => void,
): Promise<{ url: string; said: string }> {
  let said = '';
  const announce = (line: string) => {
    said = line.replace(/^Redis: /, '');
    say(line);
  };
  const redis = await findOrBringRedis({ announce, env, container: 'compose' });
  const { server } = redis;
  if (server === undefined) {
    started.defer(redis.stop);
  } else {
    const again = () => startRedisServer({ binary: server.binary, port: server.port });
    const stop = keepRunning({ name: 'Redis', child: server, again, say, onBack });
    started.defer(async () => {
      await stop();
      // The directory of the first one, also when another runs by now.
      await redis.stop();
    });
  }
  signal.throwIfAborted();
  if (redis.source === 'REDIS_URL')
    await untilRedisAnswers(redis.url, said.replace(/, from REDIS_URL$/, ''), say, signal);
  return { url: redis.url, said };
}

interface ServiceSurroundings {
  env: Readonly<Record<string, string>>;
  logs: string;
  say: (line: string) => void;
}

interface KeepServiceOptions extends ServiceSurroundings {
  name: string;
  app: App;
  portVariable: string;
  port: number;
}

interface KeptService {
  url: string;
  stop: () => Promise<void>;
}

/** Starts the edges side by side, and sees to it that they end side by side, for each takes its time to drain. */
async function keepEdges(
  started: AsyncDisposableStack,
  ports: readonly number[],
  surroundings: ServiceSurroundings,
): Promise<string[]> {
  const starts = await Promise.allSettled(
    ports.map((port, index) => {
      const name = `socket-edge-${index + 1}`;
      const env = { ...surroundings.env, ...advertised(surroundings.env['EDGE_HOST'], port) };
      return keepService({ name, app: 'socket-edge', portVariable: 'EDGE_PORT', port, ...surroundings, env });
    }),
  );
  const edges = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  started.defer(async () => {
    await Promise.all(edges.map((edge) => edge.stop()));
  });
  const failure = starts.find((start) => start.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  return edges.map((edge) => edge.url);
}

/** An edge that listens on every address has to be told one that clients can connect to; here they are on this machine. */
function advertised(host: string | undefined, port: number): Record<string, string> {
  return (host === '0.0.0.0' || host === '::') && port !== 0 ? { EDGE_ADVERTISE_URL: `ws://localhost:${port}` } : {};
}

/** Starts a service and keeps it running on the port it got. */
async function keepService(options: KeepServiceOptions): Promise<KeptService> {
  const { name, app, portVariable, env, say } = options;
  const log = childLog(options.logs, name, say);
  const startOn = (port: string) => startService({ app, env: { ...env, [portVariable]: port }, onLine: log.line });
  const child = await startOn(String(options.port));
  const { url } = child;
  const stop = keepRunning({ name, child, again: () => startOn(new URL(url).port), say });
  return {
    url,
    stop: async () => {
      await stop();
      log.close();
    },
  };
}
