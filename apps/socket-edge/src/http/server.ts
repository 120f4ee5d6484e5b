import { type Server, createServer } from 'node:http';
import type { Socket } from 'node:net';
import type { Health } from '@holdfast/service/health';
import { answerHealth } from '@holdfast/service/health';
import type { MetricsSource } from '@holdfast/service/metrics';
import { ThrottledMetrics } from '@holdfast/service/throttled-metrics';
import { senderOf } from './client-address.ts';
import type { Edge } from '../edge.ts';
import type { FrameLimits } from '../transport/frame-meter.ts';
import { type HandshakeRequest, isConnectPath, isHandshake } from './handshake.ts';
import { PlainRequests } from './plain-requests.ts';
import { RefusalLimit, answerClientError } from './refusal.ts';
import { upgradeHandler } from './upgrade.ts';
import { WaitingSockets } from './waiting-sockets.ts';
import { createSocketServer } from '../transport/ws-transport.ts';

/** Node's own defaults leave a slow or silent request open for minutes. */
const HEADERS_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 10_000;
const CHECK_EVERY_MS = 1000;
/** The last answer announces the end. A client that goes on all the same has the socket closed, and pays for a new one. */
const MAX_REQUESTS_OF_SOCKET = 100;
/** Tools that wait for an edge look at its metrics a few times a second. */
const METRICS_EVERY_MS = 100;

export interface ServerOptions {
  edge: Edge;
  health: Health;
  /** Null: /metrics is elsewhere. */
  metrics: MetricsSource | null;
  allowedOrigins: readonly string[];
  trustedProxies: readonly string[];
  directWrites: boolean;
  /** What one connection may send. */
  frames: FrameLimits;
  /** Sockets that the process can hold in all; more are closed without an answer. */
  maxSockets?: number;
  limit?: RefusalLimit;
  onError: (error: unknown) => void;
}

/** The HTTP server of an edge: upgrades, health and metrics. It does not listen yet. */
export function createEdgeServer(options: ServerOptions): Server {
  const { edge, health, metrics, allowedOrigins, trustedProxies, directWrites, frames, maxSockets, onError } = options;
  const { limit = new RefusalLimit() } = options;
  const connects = (path: string): boolean => isConnectPath(path) || edge.door?.has(path) === true;
  const requests = healthRequests({ health, metrics, onError }, connects);
  const server = plainServer(requests, (request) => isHandshake(request, connects));
  if (maxSockets !== undefined) server.maxConnections = maxSockets;
  const upgrade = upgradeHandler({
    edge,
    sockets: createSocketServer(frames),
    limit,
    allowedOrigins,
    directWrites,
    addressOf: senderOf(trustedProxies),
    onError,
  });
  const waiting = new WaitingSockets();
  const stop = waiting.start();
  server.on('close', stop);
  server.on('connection', (socket: Socket) => waiting.add(socket));
  server.on('upgrade', (request, socket, head) => {
    waiting.remove(request.socket);
    void upgrade(request, socket, head);
  });
  return server;
}

/** A server for health and metrics alone, on a port for operators only. It does not listen yet. */
export function createAdminServer(options: Pick<ServerOptions, 'health' | 'metrics' | 'onError'>): Server {
  return plainServer(
    healthRequests(options, () => false),
    () => false,
  );
}

function plainServer(requests: PlainRequests, shouldUpgradeCallback: (request: HandshakeRequest) => boolean): Server {
  const server = createServer({
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_EVERY_MS,
    shouldUpgradeCallback,
  });
  server.maxRequestsPerSocket = MAX_REQUESTS_OF_SOCKET;
  server.on('request', (request, response) => requests.take(request, response));
  server.on('dropRequest', (_, socket) => socket.destroy());
  server.on('clientError', answerClientError);
  return server;
}

function healthRequests(
  { health, metrics, onError }: Pick<ServerOptions, 'health' | 'metrics' | 'onError'>,
  connects: (path: string) => boolean,
) {
  const paced = metrics && new ThrottledMetrics(metrics, { everyMs: METRICS_EVERY_MS });
  const paths = new Set(['/healthz', '/readyz', ...(paced ? ['/metrics'] : [])]);
  const nothing: MetricsSource = {
    text: () => Promise.reject(new Error('metrics are on the port for administration')),
  };
  return new PlainRequests({
    connects,
    has: (path) => paths.has(path),
    answer: async (path) => (paths.has(path) ? answerHealth(path, health, paced ?? nothing) : null),
    onError,
  });
}
