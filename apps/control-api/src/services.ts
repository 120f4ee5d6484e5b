import type { ControlBroker } from '@holdfast/broker/broker';
import type { RedisLoad } from '@holdfast/service/redis-load';
import type { Counts } from './counts.ts';
import type { EdgeDirectory } from './edge-directory.ts';
import type { KeyRing } from './key-ring.ts';

/** What the calls work with. */
export interface Services {
  readonly broker: ControlBroker;
  readonly keys: KeyRing;
  readonly edges: EdgeDirectory;
  readonly counts: Counts;
  /** How busy each Redis is that holds data; empty when we are not allowed to ask. Rejects when one does not answer. */
  readonly redisLoads: () => Promise<RedisLoad[]>;
}
