import type { EdgeDetails, EdgeFacts, EdgeLoad } from '@holdfast/broker/edge-state';
import type { ServerFacts } from '@holdfast/redis/server-facts';
import type { SystemFacts } from '@holdfast/service/system-facts';
import type { DoctorFacts } from '../doctor/facts.ts';

/** What the doctor finds of an installation in which all is well; each is a point from which to spoil something. */

export function goodSystem(changes: Partial<SystemFacts> = {}): SystemFacts {
  return {
    platform: 'linux',
    maxOpenFiles: 1_048_576,
    somaxconn: 4096,
    tcpMemoryLimitBytes: 1_000_000_000,
    tcpMemoryBytes: 10_000_000,
    conntrackMax: 1_000_000,
    conntrackCount: 1000,
    firstLocalPort: 32_768,
    lastLocalPort: 60_999,
    ...changes,
  };
}

export function goodEdge(
  changes: Partial<EdgeDetails> = {},
  load: Partial<EdgeLoad> = {},
  facts: Partial<EdgeFacts> = {},
): EdgeDetails {
  return {
    id: 'e1',
    url: 'wss://push.example.com',
    connections: 100,
    maxConnections: 100_000,
    draining: false,
    leaving: false,
    startedAt: 0,
    load: {
      host: 'a',
      cores: 2,
      cpu: 0.1,
      eventLoopUtilization: 0.1,
      rssBytes: 1,
      availableBytes: 1,
      messagesPerSecond: 0,
      deliveriesPerSecond: 0,
      probeSilenceMs: 1000,
      eventLoopDelayMs: 5,
      openFiles: 300,
      clockDifferenceMs: 3,
      ...load,
    },
    facts: {
      version: '1.0.0',
      pid: 1,
      worker: false,
      heartbeatMs: 25_000,
      origins: 'listed',
      trustedProxies: true,
      system: goodSystem(),
      ...facts,
    },
    ...changes,
  };
}

const INFO = {
  redis_version: '8.2.3',
  maxmemory: '1000000000',
  maxmemory_policy: 'noeviction',
  used_memory: '1000000',
  total_system_memory: '8000000000',
  aof_enabled: '1',
  aof_last_write_status: 'ok',
  rdb_last_bgsave_status: 'ok',
  connected_clients: '10',
  maxclients: '10000',
  connected_slaves: '1',
};

const CONFIG = {
  appendfsync: 'everysec',
  'client-output-buffer-limit': 'normal 0 0 0 slave 268435456 67108864 60 pubsub 268435456 134217728 60',
  'min-replicas-to-write': '1',
  'notify-keyspace-events': 'Ks',
  save: '3600 1',
};

/** @param info changes of INFO, @param config of CONFIG GET */
export function goodServer(
  info: Record<string, string> = {},
  config: Record<string, string> = {},
  changes: Partial<ServerFacts> = {},
): ServerFacts {
  return {
    address: '10.0.0.1:6379',
    info: { value: new Map(Object.entries({ ...INFO, ...info })) },
    config: { value: new Map(Object.entries({ ...CONFIG, ...config })) },
    scriptFault: null,
    cluster: null,
    clock: { value: { aheadMs: 1, roundTripMs: 0.3 } },
    ...changes,
  };
}

export function goodFacts(changes: Partial<DoctorFacts> = {}): DoctorFacts {
  return {
    control: {
      version: '1.0.0',
      production: true,
      allowedOrigins: ['https://app.example.com'],
      trustsProxies: true,
      system: goodSystem(),
      forwarded: true,
      keysFileLockedSeconds: null,
      keysFileReaders: null,
    },
    redis: { kind: 'single', fault: null, servers: [goodServer()], sentinels: [] },
    writeFault: null,
    edges: [goodEdge()],
    urls: [{ url: 'wss://push.example.com', outcome: { kind: 'answered', status: 403, code: 'unknown-client' } }],
    urlsLeftOut: 0,
    held: null,
    ...changes,
  };
}
