import type { Fault } from '../fault.ts';
import { authorizationEnds } from './authorization.ts';
import { slowReaders, subscriptionStorm, twinConnections } from './clients.ts';
import { clusterReshard, clusterResize, slowNode } from './cluster.ts';
import { clientKillNormal, clientKillPubsub, halfCut, redisPartition, socketsCut } from './connections.ts';
import { claimCutShort, edgeFreezeChanges } from './edge-changes.ts';
import { edgeFence, edgeFreeze, edgeKill, rollingDeploy } from './edge-ends.ts';
import { laggingFailover, masterKill, sentinelFailover } from './failovers.ts';
import { presenceStorm } from './presence.ts';
import { reconnectStorm } from './reconnects.ts';
import { redisClockBack, redisRolledBack } from './redis-history.ts';
import { maxmemory, outputBufferOverrun, readonly } from './redis-limits.ts';
import { flushall, redisFreeze, redisKillData, redisKillEmpty, scriptFlush } from './redis-outages.ts';
import { clockJump, controlKill } from './services.ts';
import { stalledSubscription, topicsMadeAnew } from './subscriptions.ts';

/** Every fault of the suite, in the order in which they are run. */
export const catalog: readonly Fault[] = [
  edgeKill,
  rollingDeploy,
  edgeFreeze,
  edgeFence,
  edgeFreezeChanges,
  claimCutShort,
  controlKill,
  redisKillEmpty,
  redisKillData,
  redisRolledBack,
  redisClockBack,
  redisFreeze,
  clientKillPubsub,
  clientKillNormal,
  outputBufferOverrun,
  scriptFlush,
  flushall,
  maxmemory,
  readonly,
  halfCut,
  stalledSubscription,
  topicsMadeAnew,
  redisPartition,
  sentinelFailover,
  laggingFailover,
  masterKill,
  clusterReshard,
  clusterResize,
  slowNode,
  socketsCut,
  slowReaders,
  reconnectStorm,
  twinConnections,
  subscriptionStorm,
  presenceStorm,
  authorizationEnds,
  clockJump,
];
