import { removeStateFile, writeStateFile } from '@holdfast/local/state-file';
import { startInstallation } from '@holdfast/local/installation';
import { findOrBringRedis } from '@holdfast/local/redis';
import type { App, Service } from '@holdfast/local/services';
import { childLog } from './child-log.ts';
import type { DevConfig } from './config.ts';
import { developmentKey } from './development-key.ts';
import { keepRunning } from './keep-running.ts';
import { keptFolder } from './kept-folder.ts';
import { checkPorts, type WantedPort } from './ports.ts';
import { createTopics } from './topics.ts';
import { untilReady, untilRedisAnswers } from './waiting.ts';

const LOOPBACK = '127.0.0.1';

export interface DevInstallationOptions {
  config: DevConfig;
  env: Readonly<Record<string, string | undefined>>;
  /** The folder of the repository; `.holdfast/` in it keeps what stays. */
  directory: string;
  /** Takes lines for people. */
  log: (line: string) => void;
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
  const { config, directory, log, signal } = options;
  await using started = new AsyncDisposableStack();
  await checkPorts(wantedPorts(config));

  const { kept, logs } = await keptFolder(directory);
  const { key, keysFile } = await developmentKey(kept);

  // Until the topics are there for the first time, the start itself creates them.
  let refill: (() => void) | null = null;
  const redis = await startRedis(started, options, () => refill?.());
  const local = await startKept(started, options, redis.url, { key, keysFile }, logs);
  const { controlUrl, edgeUrls, edges } = local;
  signal.throwIfAborted();

  await untilReady('control-api', controlUrl, log, signal);
  await createTopics(controlUrl, key, signal);
  refill = () => {
    createTopics(controlUrl, key, signal).catch((error: unknown) => {
      if (!signal.aborted) log(`The topics could not be created again: ${String(error)}`);
    });
  };
  await Promise.all(edges.map(({ url }, index) => untilReady(nameOf('socket-edge', index), url, log, signal)));
  await writeStateFile({ controlUrl, edgeUrls: [...edgeUrls], key, keysFile, pid: process.pid }, directory);
  started.defer(() => removeStateFile(process.pid, directory));

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
  { env, log, signal }: DevInstallationOptions,
  onBack: () => void,
): Promise<{ url: string; said: string }> {
  let said = '';
  const announce = (line: string) => {
    said = line.replace(/^Redis: /, '');
    log(line);
  };
  const redis = await findOrBringRedis({ announce, env, container: 'compose' });
  const { server } = redis;
  if (server === undefined) {
    started.defer(redis.stop);
  } else {
    const again = async () => {
      await server.startAgain();
      return server;
    };
    const stop = keepRunning({ name: 'Redis', child: server, again, log, onBack });
    started.defer(stop);
  }
  signal.throwIfAborted();
  if (redis.source === 'REDIS_URL')
    await untilRedisAnswers(redis.url, said.replace(/, from REDIS_URL$/, ''), log, signal);
  return { url: redis.url, said };
}

/** Starts control-api and edges, and keeps each running on the port it got. */
async function startKept(
  started: AsyncDisposableStack,
  { config, log }: DevInstallationOptions,
  redisUrl: string,
  keys: { key: string; keysFile: string },
  directory: string,
) {
  const { serviceEnv, prefix, controlPort, edgePorts } = config;
  const logs = new Map<string, ReturnType<typeof childLog>>();
  const logOf = (app: App, index: number) => {
    const name = nameOf(app, index);
    const childFile = logs.get(name) ?? childLog(directory, name, log);
    logs.set(name, childFile);
    return childFile;
  };
  started.defer(() => {
    for (const childFile of logs.values()) childFile.close();
  });
  const local = await startInstallation({
    edges: edgePorts.length,
    ports: { control: controlPort, edges: edgePorts[0] ?? 0 },
    redis: { url: redisUrl },
    prefix,
    keys,
    env: serviceEnv,
    serviceEnv: (app, index) =>
      app === 'socket-edge' ? advertised(serviceEnv['EDGE_HOST'], edgePorts[index] ?? 0) : {},
    onLine: (app, index, line) => logOf(app, index).line(line),
    announce: () => undefined,
  });
  const keep = (service: Service, index: number) =>
    keepRunning({ name: nameOf(service.app, index), child: service, again: () => startedAgain(service), log });
  const stopControls = local.controls.map(keep);
  const stopEdges = local.edges.map(keep);
  started.defer(async () => {
    await Promise.all(stopControls.map((stop) => stop()));
  });
  // Side by side, because each takes its time to drain.
  started.defer(async () => {
    await Promise.all(stopEdges.map((stop) => stop()));
  });
  return local;
}

async function startedAgain(service: Service): Promise<Service> {
  await service.startAgain();
  return service;
}

function nameOf(app: App, index: number): string {
  return app === 'socket-edge' ? `socket-edge-${index + 1}` : app;
}

/** An edge that listens on every address has to be told one that clients can connect to; here they are on this machine. */
function advertised(host: string | undefined, port: number): Record<string, string> {
  return (host === '0.0.0.0' || host === '::') && port !== 0 ? { EDGE_ADVERTISE_URL: `ws://localhost:${port}` } : {};
}
