import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import proxyAddress from '@fastify/proxy-addr';
import { type Setting, choice, duration, host, integer, integerOr, port, setting, url } from '@holdfast/service/config';
import { logVariables } from '@holdfast/service/logger';
import { tracingVariables } from '@holdfast/service/tracing-variables';
import { redisRules, redisVariables } from '@holdfast/redis/config';
import { HEARTBEAT_MS } from '@holdfast/protocol/limits';
import { z } from 'zod';
import { BURST_SECONDS, GRACE_SECONDS } from './transport/frame-meter.ts';

/** RFC 6454, section 6.2: a scheme, a host, and a port where it is not the usual one. Nothing after it. */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@*\\\s,]+$/i;
const WEB = /^https?:/i;
/** Descriptors kept for the log, Redis, the listening socket, and handshakes that are being refused. */
const RESERVED_DESCRIPTORS = 256;
/** Of these, what no client gets, however many come at once: without it Redis could not be reached anew. */
const OWN_DESCRIPTORS = RESERVED_DESCRIPTORS / 2;
/** An edge for fewer connections is a mistake in the limits of its machine, not a plan. */
const LEAST_CONNECTIONS = 100;
const FALLBACK_DESCRIPTORS = 1024;
const DEFAULT_PORT = 7701;
const MAX_CONNECTIONS = 10_000_000;
/** More than any machine has cores. */
const MAX_WORKERS = 1024;
/** As good as none: a core cannot read so much. */
const MAX_FRAME_RATE = 10_000_000;
const MAX_FRAME_BYTE_RATE = 1_000_000_000;

interface EdgeChoice {
  EDGE_HOST: string;
  EDGE_ADVERTISE_URL?: string | undefined;
  EDGE_MAX_CONNECTIONS?: number | undefined;
}

/** Addresses to listen on that are nowhere to connect to. */
const ANY_ADDRESS: readonly string[] = ['0.0.0.0', '::', '0:0:0:0:0:0:0:0'];

/** Names settings that cannot work together, or on this machine. */
const edgeRules: z.core.$ZodCheck<EdgeChoice> = z.superRefine<EdgeChoice>(
  (config, context) => {
    const fault = (variable: keyof EdgeChoice, message: string): void =>
      context.addIssue({ code: 'custom', path: [variable], message, input: config[variable] });

    if (ANY_ADDRESS.includes(config.EDGE_HOST) && config.EDGE_ADVERTISE_URL === undefined) {
      fault('EDGE_ADVERTISE_URL', `must be set when EDGE_HOST is ${config.EDGE_HOST}: clients cannot connect to that`);
    }
    const { EDGE_MAX_CONNECTIONS: connections } = config;
    // One that is refused for itself is no number here.
    const isNumber = connections === undefined || typeof connections === 'number';
    const descriptors = isNumber ? descriptorFault(connections, openFilesLimit()) : null;
    if (descriptors !== null) fault('EDGE_MAX_CONNECTIONS', descriptors);
  },
  { when: () => true },
);

export const edgeVariables = z
  .object({
    ...redisVariables,
    ...logVariables,
    ...tracingVariables,
    EDGE_HOST: host('127.0.0.1').describe('Address to listen on'),
    EDGE_PORT: port(DEFAULT_PORT).describe('Port to listen on; 0 lets the system choose'),
    EDGE_ADMIN_PORT: port()
      .optional()
      .describe('Port for health and metrics alone, at EDGE_HOST; the other port then does not answer /metrics'),
    EDGE_ADVERTISE_URL: url(['ws:', 'wss:'])
      .optional()
      .meta({ defaultText: 'ws://EDGE_HOST:EDGE_PORT' })
      .describe('What Register hands to clients'),
    EDGE_WORKERS: integerOr('auto', { min: 1, max: MAX_WORKERS, default: 1 }).describe(
      'Processes that share the port, each an edge of its own; auto: one for each core',
    ),
    EDGE_MAX_CONNECTIONS: integer({ min: 1, max: MAX_CONNECTIONS })
      .optional()
      .meta({ defaultText: `limit of open files less ${RESERVED_DESCRIPTORS}` })
      .describe('Of each worker. Past it handshakes are answered with 503; connections that are open stay'),
    EDGE_DRAIN_SECONDS: integer({ min: 0, max: 3600, default: 30 }).describe(
      'Time over which a SIGTERM spreads the closing of connections',
    ),
    EDGE_HEARTBEAT: duration({ minMs: 100, maxMs: 600_000, default: `${HEARTBEAT_MS / 1000}s` }).describe(
      'How often each connection is pinged; two unanswered pings end it',
    ),
    EDGE_DIRECT_WRITES: choice(['on', 'off'], 'on')
      .transform((given) => given === 'on')
      .describe("Whether messages go straight to idle sockets; off: through Node's streams alone"),
    EDGE_MAX_FRAMES_PER_SECOND: integer({ min: 1, max: MAX_FRAME_RATE, default: 200 }).describe(
      `Frames of any kind that a connection may send; ${BURST_SECONDS} s of it at once. Past it the connection is slowed down, after ${GRACE_SECONDS} s closed with 4429`,
    ),
    EDGE_MAX_FRAME_BYTES_PER_SECOND: integer({ min: 1024, max: MAX_FRAME_BYTE_RATE, default: 262_144 }).describe(
      'Likewise bytes of frames',
    ),
    EDGE_ALLOWED_ORIGINS: origins().optional().describe('Origins whose pages may connect; * or not set: any'),
    EDGE_TRUSTED_PROXIES: networks()
      .optional()
      .describe('Addresses or networks of proxies whose X-Forwarded-For is believed; not set: none'),
  })
  .check(redisRules, edgeRules)
  .check(portsRule);

/** Two servers cannot listen on one port. */
function portsRule({
  value,
  issues,
}: z.core.ParsePayload<{ EDGE_PORT: number; EDGE_ADMIN_PORT?: number | undefined }>) {
  const { EDGE_PORT: own, EDGE_ADMIN_PORT: admin } = value;
  if (admin === undefined || admin === 0 || admin !== own) return;
  issues.push({
    code: 'custom',
    path: ['EDGE_ADMIN_PORT'],
    message: 'must be another port than EDGE_PORT',
    input: value,
  });
}

export type EdgeConfig = z.output<typeof edgeVariables>;

/** How many processes are to share the port. */
export function workerCount({ EDGE_WORKERS: workers }: Pick<EdgeConfig, 'EDGE_WORKERS'>): number {
  return workers === 'auto' ? availableParallelism() : workers;
}

/** Connections this process can hold: its limit of open files, less what it needs itself. */
export function maxConnections(config: Pick<EdgeConfig, 'EDGE_MAX_CONNECTIONS'>): number {
  return config.EDGE_MAX_CONNECTIONS ?? Math.max(1, openFilesLimit() - RESERVED_DESCRIPTORS);
}

/** Sockets that the server may have open in all, those of connections, of refused handshakes and of plain requests. */
export function maxSockets(): number {
  return Math.max(1, openFilesLimit() - OWN_DESCRIPTORS);
}

/** Connections that a limit of open files leaves no room for. @returns the rule that is broken; null when none is */
export function descriptorFault(connections: number | undefined, limit: number): string | null {
  const wanted = connections ?? LEAST_CONNECTIONS;
  // A reserve for refused handshakes is good to have; a number that was asked for gets what there is without it.
  const reserve = connections === undefined ? RESERVED_DESCRIPTORS : OWN_DESCRIPTORS;
  if (limit - reserve >= wanted) return null;
  return (
    `must fit the limit of open files (ulimit -n), which is ${limit} and leaves ${Math.max(0, limit - reserve)} connections: ` +
    `raise the limit to ${wanted + reserve} or more${connections === undefined ? '' : ', or ask for fewer'}`
  );
}

/** Node raises the soft limit to the hard one at its start, so what the system reports now is what there is. */
function openFilesLimit(): number {
  try {
    const line = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    if (line?.[1] === 'unlimited') return MAX_CONNECTIONS;
    return Number(line?.[1] ?? FALLBACK_DESCRIPTORS);
  } catch {
    // Not Linux: what every system grants.
    return FALLBACK_DESCRIPTORS;
  }
}

/** Origins of pages, with commas between them, as browsers write them; or `*` for any. */
function origins(): Setting<string[]> {
  return setting(
    'must be origins such as https://app.example.com with commas between them, each with its scheme and without a path, or *',
    (value) => {
      const items = itemsOf(value).map(originOf);
      const known = items.filter((item) => item !== undefined);
      const any = known.includes('*');
      return known.length === items.length && (!any || items.length === 1) ? known : undefined;
    },
  );
}

/** Addresses and networks, with commas between them. */
function networks(): Setting<string[]> {
  return setting(
    'must be addresses or networks such as 10.0.0.0/8 or fd00::/8 with commas between them, or loopback, linklocal, uniquelocal',
    (value) => {
      const items = itemsOf(value);
      return items.every(isNetwork) ? items : undefined;
    },
  );
}

function itemsOf(value: string): string[] {
  return value.split(',').map((item) => item.trim());
}

/** As a browser writes it: in small letters, without the usual port. Undefined for what no browser would write. */
function originOf(given: string): string | undefined {
  if (given === '*' || given === 'null') return given;
  if (!ORIGIN.test(given)) return undefined;
  return WEB.test(given) ? URL.parse(given)?.origin : given;
}

function isNetwork(given: string): boolean {
  try {
    proxyAddress.compile([given]);
    return given !== '';
  } catch (error) {
    // It throws at what it cannot read, and at nothing else.
    if (error instanceof TypeError) return false;
    throw error;
  }
}
