import type { ControlBroker } from '@holdfast/broker/broker';
import type { Counts } from './counts.ts';
import type { EdgeDirectory } from './edge-directory.ts';
import type { KeyRing } from './key-ring.ts';

/** What the calls work with. */
export interface Services {
  readonly broker: ControlBroker;
  readonly keys: KeyRing;
  readonly edges: EdgeDirectory;
  readonly counts: Counts;
}
