import type { Clients, ControlBroker, ControlChannels, Presence, Topics, Users } from '@holdfast/broker/broker';
import type { RedisLoad } from '@holdfast/redis/load';
import type { ClientExpiry } from './clients/client-expiry.ts';
import type { BulkReads } from './limits/bulk-reads.ts';
import type { ClientRates } from './limits/client-rates.ts';
import type { Counts } from './observability/metrics.ts';
import type { EdgeDirectory } from './edges/placement.ts';
import type { KeyRing } from './auth/authentication.ts';
import type { KeysFile } from './auth/keys-file.ts';
import type { TokenVerifier } from './auth/tokens/token-verifier.ts';
import type { Webhooks } from './webhooks/webhooks.ts';

/** What gives large answers: over a connection of its own, so that small calls do not wait behind them. */
export type BulkBroker = Pick<
  Topics & Clients & Users & Presence & ControlChannels,
  'readLog' | 'readWithDormant' | 'listClients' | 'listClientsOf' | 'readPresence' | 'countPresent' | 'listChannels'
>;

/** What the calls work with. */
export interface Services {
  readonly broker: ControlBroker;
  readonly bulkBroker: BulkBroker;
  readonly bulkReads: BulkReads;
  readonly rates: ClientRates;
  readonly keys: KeyRing;
  /** Null: there is none, and no call changes keys. */
  readonly keysFile: KeysFile | null;
  readonly tokens: TokenVerifier;
  readonly clientExpiry: ClientExpiry;
  readonly edges: EdgeDirectory;
  readonly counts: Counts;
  readonly webhooks: Webhooks;
  /** The load of each Redis that holds data; empty when INFO is not permitted. Rejects when one does not answer. */
  readonly redisLoads: () => Promise<RedisLoad[]>;
}
