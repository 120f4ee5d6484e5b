import type { Clients, ControlBroker, Topics } from '@holdfast/broker/broker';
import type { RedisLoad } from '@holdfast/redis/load';
import type { BulkReads } from './limits/bulk-reads.ts';
import type { ClientRates } from './limits/client-rates.ts';
import type { Counts } from './counts.ts';
import type { EdgeDirectory } from './edge-directory.ts';
import type { KeyRing } from './key-ring.ts';

/** What gives large answers: over a connection of its own, so that small calls do not wait behind them. */
export type BulkBroker = Pick<Topics & Clients, 'readLog' | 'readTopics' | 'listClients'>;

/** What the calls work with. */
export interface Services {
  readonly broker: ControlBroker;
  readonly bulkBroker: BulkBroker;
  readonly bulkReads: BulkReads;
  readonly rates: ClientRates;
  readonly keys: KeyRing;
  readonly edges: EdgeDirectory;
  readonly counts: Counts;
  /** How busy each Redis is that holds data; empty when we are not allowed to ask. Rejects when one does not answer. */
  readonly redisLoads: () => Promise<RedisLoad[]>;
}
