import { type Server, type ServerOptions, createServer } from 'node:http';
import { type Socket, BlockList, isIPv6 } from 'node:net';
import { type ProblemCode, problemOf } from '@holdfast/protocol/problems';
import { type Handle, PacedSocket } from './paced-socket.ts';
import { respondWithProblem } from './problem-error.ts';

/** Connections past a limit that still get an answer; those past this are closed without one. */
const MAX_REFUSED = 256;
const CHECK_MS = 1_000;

export interface ServerLimits {
  readonly maxConnections: number;
  /** Of one address, or of one /64 network of IPv6; proxies that are trusted have no such limit. */
  readonly maxConnectionsPerAddress: number;
  /** Requests after which a connection is closed, so that a balancer spreads them anew. */
  readonly maxRequestsPerSocket: number;
  /** How long a client may take to read an answer. */
  readonly answerTimeoutMs: number;
  readonly trustedProxies: readonly string[];
}

/** An HTTP server that bounds its connections, serves each one request at a time, and closes those that do not read. */
export function limitedServer(handle: Handle, options: ServerOptions, limits: ServerLimits): Server {
  const sockets = new Map<Socket, PacedSocket>();
  const refused = new Map<Socket, ProblemCode>();
  const perAddress = new Map<string, number>();
  const isProxy = proxies(limits.trustedProxies);

  const server = createServer(options, (request, response) => {
    const paced = sockets.get(request.socket);
    if (paced === undefined) handle(request, response);
    else paced.onRequest(request, response);
  });
  server.maxConnections = limits.maxConnections + MAX_REFUSED;

  server.on('connection', (socket: Socket) => {
    const address = addressKey(socket.remoteAddress ?? '');
    const ofAddress = perAddress.get(address) ?? 0;
    const code = refusalOf(sockets.size - refused.size, isProxy(socket.remoteAddress) ? 0 : ofAddress, limits);
    if (code !== null && refused.size >= MAX_REFUSED) {
      socket.destroy();
      return;
    }
    perAddress.set(address, ofAddress + 1);
    if (code !== null) refused.set(socket, code);
    const answer: Handle = code === null ? handle : (_, response) => respondWithProblem(response, problemOf(code));
    sockets.set(socket, new PacedSocket(socket, answer, limits.maxRequestsPerSocket));
    socket.once('close', () => {
      sockets.delete(socket);
      refused.delete(socket);
      const left = (perAddress.get(address) ?? 1) - 1;
      if (left === 0) perAddress.delete(address);
      else perAddress.set(address, left);
    });
  });

  const checking = setInterval(() => {
    const now = performance.now();
    for (const [socket, paced] of sockets) {
      if (paced.unreadFor(now) > limits.answerTimeoutMs) socket.destroy();
    }
  }, CHECK_MS).unref();
  server.on('close', () => clearInterval(checking));
  return server;
}

function refusalOf(total: number, ofAddress: number, limits: ServerLimits): ProblemCode | null {
  if (total >= limits.maxConnections) return 'api-busy';
  return ofAddress >= limits.maxConnectionsPerAddress ? 'too-many-connections' : null;
}

/** Whether an address is one of the proxies. */
function proxies(networks: readonly string[]): (address: string | undefined) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) => address !== undefined && list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
const GROUPS = 8;
/** One customer has a /64 at least, and with it more addresses than a limit could count (RFC 6177). */
const NETWORK_GROUPS = 4;

/** What an address counts as: itself for IPv4, its /64 network for IPv6. */
export function addressKey(address: string): string {
  const mapped = MAPPED_IPV4.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [plain = ''] = address.toLowerCase().split('%');
  const [left = '', right] = plain.split('::');
  const first = groupsOf(left);
  const last = groupsOf(right ?? '');
  const zeros = Array<string>(Math.max(0, GROUPS - first.length - last.length)).fill('0');
  const groups = right === undefined ? first : [...first, ...zeros, ...last];
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => group.replace(/^0+(?=.)/, ''));
  return `${network.join(':')}::/64`;
}

function groupsOf(part: string): string[] {
  return part === '' ? [] : part.split(':');
}
