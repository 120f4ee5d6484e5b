import { readFileSync } from 'node:fs';
import type { EdgeFacts } from '@holdfast/broker/edge-state';
import { systemFacts } from '@holdfast/service/system-facts';
import type { EdgeConfig } from '../config.ts';

/** Some of the kernel's figures change. They are for operators, and far from any limit as long as all is well. */
const READ_EVERY_MS = 30_000;

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

type FactConfig = Pick<EdgeConfig, 'EDGE_HEARTBEAT' | 'EDGE_ALLOWED_ORIGINS' | 'EDGE_TRUSTED_PROXIES'>;

/** Returns what is set for this edge and its machine: the same object until something of it changes. */
export function edgeFacts(config: FactConfig, worker: boolean, read = systemFacts): () => EdgeFacts {
  const known = {
    version,
    pid: process.pid,
    worker,
    heartbeatMs: config.EDGE_HEARTBEAT,
    origins: originsOf(config.EDGE_ALLOWED_ORIGINS),
    trustedProxies: (config.EDGE_TRUSTED_PROXIES ?? []).length > 0,
  };
  let facts: EdgeFacts = { ...known, system: read() };
  let readAt = performance.now();
  return () => {
    if (performance.now() - readAt < READ_EVERY_MS) return facts;
    readAt = performance.now();
    const system = read();
    if (JSON.stringify(system) !== JSON.stringify(facts.system)) facts = { ...known, system };
    return facts;
  };
}

function originsOf(origins: readonly string[] | undefined): EdgeFacts['origins'] {
  if (origins === undefined) return 'not-set';
  return origins.includes('*') ? 'any' : 'listed';
}
