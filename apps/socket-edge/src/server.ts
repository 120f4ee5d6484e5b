import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { PROBLEM_MEDIA_TYPE } from '@holdfast/protocol/problems';
import type { Health } from '@holdfast/service/health';
import { type MetricsSource, answerHealth } from '@holdfast/service/http-health';
import proxyAddress from '@fastify/proxy-addr';
import { answerClientError } from './client-error.ts';
import type { Edge } from './edge.ts';
import type { FrameLimits } from './frame-meter.ts';
import { isConnectPath, refusal } from './handshake.ts';
import { RefusalLimit } from './refusal-limit.ts';
import { upgradeHandler } from './upgrade.ts';
import { createSocketServer } from './ws-socket.ts';

/** Node's own defaults leave a slow or silent request open for minutes. */
const HEADERS_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 10_000;
const CHECK_EVERY_MS = 1000;

export interface ServerOptions {
  edge: Edge;
  health: Health;
  metrics: MetricsSource;
  allowedOrigins: readonly string[];
  trustedProxies: readonly string[];
  directWrites: boolean;
  /** What one connection may send. */
  frames: FrameLimits;
  limit?: RefusalLimit;
  onError: (error: unknown) => void;
}

/** The HTTP server of an edge: upgrades, health and metrics. It does not listen yet. */
export function createEdgeServer(options: ServerOptions): Server {
  const {
    edge,
    health,
    metrics,
    allowedOrigins,
    trustedProxies,
    directWrites,
    frames,
    limit = new RefusalLimit(),
    onError,
  } = options;
  const trusts = proxyAddress.compile([...trustedProxies]);
  const server = createServer({
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_EVERY_MS,
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response, health, metrics).catch((error: unknown) => {
      onError(error);
      response.destroy();
    });
  });
  server.on('clientError', answerClientError);
  server.on(
    'upgrade',
    upgradeHandler({
      edge,
      sockets: createSocketServer(frames),
      limit,
      allowedOrigins,
      directWrites,
      addressOf: (request) =>
        trustedProxies.length === 0 ? (request.socket.remoteAddress ?? '') : proxyAddress(request, trusts),
      onError,
    }),
  );
  return server;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  health: Health,
  metrics: MetricsSource,
): Promise<void> {
  const path = (request.url ?? '').replace(/\?.*$/s, '');
  const healthy =
    request.method === 'GET' || request.method === 'HEAD' ? await answerHealth(path, health, metrics) : null;
  if (healthy) {
    response.writeHead(healthy.status, { 'Content-Type': healthy.contentType });
    response.end(healthy.body);
    return;
  }
  const { problem, headers } = isConnectPath(path)
    ? refusal('upgrade-required', { detail: 'Connect with WebSocket' }, { Upgrade: 'websocket', Connection: 'Upgrade' })
    : refusal('route-not-found');
  response.writeHead(problem.status, { ...headers, 'Content-Type': PROBLEM_MEDIA_TYPE });
  response.end(JSON.stringify(problem));
}
