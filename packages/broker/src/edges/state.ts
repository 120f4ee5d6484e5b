import type { SystemFacts } from '@holdfast/service/system-facts';

/** What an edge reports of itself with its lease. */
export interface EdgeDetails {
  id: string;
  url: string;
  connections: number;
  maxConnections: number;
  /** How many of the connections came through the Pusher door, by the id of their app. Not of every edge. */
  appConnections?: Record<string, number>;
  /** It takes no connections, and closes those there are. */
  draining: boolean;
  /** It drains because its process ends. Not of edges of an earlier version. */
  leaving?: boolean;
  startedAt: number;
  /** Not of edges of an earlier version. */
  load?: EdgeLoad;
  /** What hardly ever changes. An earlier version reports less of it, or nothing. */
  facts?: Partial<EdgeFacts>;
}

/** How busy an edge is, over the last second or so. The optional figures are not of edges of an earlier version. */
export interface EdgeLoad {
  /** The machine or container that it shares with the other edges of this name. */
  host: string;
  /** How many cores the host has. */
  cores: number;
  /** CPU time of all its threads by time: 1 is a whole core. */
  cpu: number;
  /** 0 to 1. */
  eventLoopUtilization: number;
  rssBytes: number;
  /** What it may still take, by the limit of its container or what its machine has left. */
  availableBytes: number;
  messagesPerSecond: number;
  deliveriesPerSecond: number;
  /** Bytes of messages sent to connections. */
  bytesPerSecond?: number;
  handshakesPerSecond?: number;
  /** Handshakes refused. */
  refusalsPerSecond?: number;
  /** Handshakes refused since it started. */
  refusals?: number;
  /** `lost` frames sent since it started. */
  lostAnnounced?: number;
  /** Since the last loopback probe came back. */
  probeSilenceMs?: number;
  /** From Redis to the edge, by the last loopback probe; not known until one came back. */
  probeLatencyMs?: number;
  /** 99 of 100 turns of the event loop were shorter. */
  eventLoopDelayMs?: number;
  /** File descriptors in use; not known on every system. */
  openFiles?: number;
  /** The clock of the edge less that of Redis; not known until the lease was renewed once. */
  clockDifferenceMs?: number;
}

/** What is set for an edge, and for the machine that it runs on. */
export interface EdgeFacts {
  /** Of Holdfast. */
  version: string;
  pid: number;
  /** Whether it shares its port with other edges. */
  worker: boolean;
  heartbeatMs: number;
  /** Whose pages may connect: those of any origin because it is set so, of listed ones, or of any because nothing is set. */
  origins: 'any' | 'listed' | 'not-set';
  /** Whether there are proxies whose X-Forwarded-For is believed. */
  trustedProxies: boolean;
  system: SystemFacts;
}

/** What operators asked last of an edge. */
export interface DrainRequest {
  /** To drain, or to take connections. */
  readonly drain: boolean;
  /** When, in milliseconds by Redis' clock; each request of an edge has a later one. 0: never. */
  readonly at: number;
}

/** `leaving`: it is ending, and drains whatever is asked. `too-old`: its version does not know drain requests. */
export type DrainOutcome = 'requested' | 'leaving' | 'too-old' | 'not-found';

export interface LeaseRenewal {
  /** False when it had run out, or had not begun: others may have been given the edge's clients. */
  readonly alive: boolean;
  /** The one in force. */
  readonly request: DrainRequest;
  /** Redis' clock, in milliseconds. */
  readonly redisNow: number;
}
