import type { CommonFault } from '../fault.ts';
import { clientKillPubsub } from './connections.ts';
import { edgeKill } from './edge-ends.ts';
import { reconnectStorm } from './reconnects.ts';
import { redisKillData } from './redis-outages.ts';

/** The faults that can be injected whatever door clients use, in the order in which they are run. */
export const commonFaults: readonly CommonFault[] = [edgeKill, redisKillData, clientKillPubsub, reconnectStorm];
