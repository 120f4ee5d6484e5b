import { z } from 'zod';

const share = z.number().min(0);
const rate = z.number().min(0);

const edgeLoad = z.object({
  host: z.string().describe('What it shares cores and memory with other edges of the same host by'),
  cores: z.int().describe('Cores of the host'),
  cpu: share.describe('Cores that it uses: 1 is a whole one'),
  eventLoopUtilization: share,
  rssBytes: z.int(),
  availableBytes: z.int().describe('Memory that it may still take'),
  messagesPerSecond: rate.describe('Heard from Redis'),
  deliveriesPerSecond: rate.describe('Sent to connections'),
  bytesPerSecond: rate.optional().describe('Bytes of messages sent to connections'),
  handshakesPerSecond: rate.optional().describe('Connections opened'),
  refusalsPerSecond: rate.optional().describe('Handshakes refused'),
  refusals: z.int().optional().describe('Handshakes refused since its start'),
  lostAnnounced: z.int().optional().describe('`lost` frames sent since its start'),
  probeSilenceMs: z.number().optional().describe('Since the last loopback probe came back from Redis'),
  probeLatencyMs: z.number().optional().describe('From Redis to the edge, by the last loopback probe'),
  eventLoopDelayMs: z.number().optional().describe('99 of 100 turns of the event loop were shorter'),
  openFiles: z.int().optional().describe('File descriptors in use'),
  clockDifferenceMs: z.number().optional().describe('Its clock less that of Redis'),
});

export const edgeSummary = z.object({
  id: z.string(),
  url: z.string(),
  connections: z.int(),
  maxConnections: z.int(),
  draining: z.boolean().describe('It takes no connections, and closes those there are'),
  leaving: z.boolean().optional().describe('It drains because its process ends'),
  startedAt: z.iso.datetime(),
  version: z.string().optional().describe('Of Holdfast'),
  pid: z.int().optional(),
  worker: z.boolean().optional().describe('It shares its port with other edges of its host'),
  heartbeatMs: z.int().optional(),
  maxOpenFiles: z.int().nullable().optional().describe('Limit of file descriptors; null: not known'),
  origins: z
    .enum(['any', 'listed', 'not-set'])
    .optional()
    .describe('Whose pages may connect by EDGE_ALLOWED_ORIGINS; not set: those of any'),
  trustedProxies: z.boolean().optional().describe('Whether EDGE_TRUSTED_PROXIES is set'),
  load: edgeLoad.nullable().optional().describe('Not of an edge of an earlier version'),
});

export const edgesResponse = z.object({ edges: z.array(edgeSummary) });

/** Of the calls that drain an edge, and that end it. */
export const drainResponse = z.object({
  id: z.string(),
  draining: z.boolean().describe('What the edge follows within a second; one that is ending goes on to drain'),
});

export const edgeCapacity = z.object({
  id: z.string(),
  url: z.string(),
  connections: z.int(),
  maxConnections: z.int(),
  draining: z.boolean(),
  load: edgeLoad.nullable().describe('null: an edge of an earlier version, that does not tell'),
});

export const redisCapacity = z.object({
  usedBytes: z.int(),
  maxBytes: z.int().nullable().describe('maxmemory; null when it is not set'),
  cpu: share.describe('Share of the one core that runs commands'),
  commandsPerSecond: rate,
  outputBytesPerSecond: rate,
  connectedClients: z.int(),
  maxClients: z.int(),
});

/** What can be used up, each as the share that is. */
export const capacityUse = z.object({
  connections: share.describe('Places of all edges'),
  edgeCpu: share.nullable().describe('Cores of the busiest host, as far as its edges can use them'),
  edgeMemory: share.nullable().describe('Memory of the host whose edges have the least left'),
  redisCpu: share.nullable().describe('The busiest Redis'),
  redisMemory: share.nullable().describe('The fullest Redis that has a maxmemory'),
});

export const limit = capacityUse.keyof();

export const headRoom = z.object({
  connections: z.int().describe('By places, and by the memory of hosts'),
  clients: z.int().nullable().describe('More registrations, by maxmemory; null when that is not set'),
  publishesPerSecond: z.int().nullable().describe('By the CPU of Redis, if every edge hears each message'),
  deliveriesPerSecond: z.int().nullable().describe('By the CPU of hosts'),
});

export const capacityResponse = z.object({
  edges: z.array(edgeCapacity),
  redis: z.array(redisCapacity).describe('Each Redis that holds data; empty when it may not be asked (INFO)'),
  total: z.object({
    connections: z.int(),
    maxConnections: z.int(),
    messagesPerSecond: rate,
    deliveriesPerSecond: rate,
  }),
  used: capacityUse,
  limitedBy: limit.nullable().describe('What is used up most; null when nothing is used'),
  headRoom: headRoom.describe('What more fits in, by the model of docs/scaling.md; null: not known'),
});
