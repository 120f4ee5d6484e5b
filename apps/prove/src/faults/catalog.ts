import type { Fault } from '../fault.ts';
import { clientKillPubsub } from './client-kill.ts';
import { edgeKill } from './edge-kill.ts';
import { redisKillData } from './redis-kill-data.ts';
import { rollingDeploy } from './rolling-deploy.ts';

/** Every fault of the suite, in the order in which they are run. */
export const catalog: readonly Fault[] = [edgeKill, rollingDeploy, redisKillData, clientKillPubsub];
