import { z } from 'zod';

export const edgeSummary = z.object({
  id: z.string(),
  url: z.string(),
  connections: z.int(),
  maxConnections: z.int(),
  draining: z.boolean(),
  startedAt: z.iso.datetime(),
});

export const edgesResponse = z.object({ edges: z.array(edgeSummary) });

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
