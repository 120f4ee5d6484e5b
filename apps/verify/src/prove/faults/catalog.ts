import type { Fault } from '../fault.ts';
import { claimCutShort } from './claim-cut-short.ts';
import { edgeFreezeChanges } from './edge-freeze-changes.ts';
import { laggingFailover } from './lagging-failover.ts';
import { redisClockBack } from './redis-clock-back.ts';
import { redisRolledBack } from './redis-rolled-back.ts';
import { slowNode } from './slow-node.ts';
import { topicsMadeAnew } from './topics-made-anew.ts';
import { clusterReshard } from './cluster-reshard.ts';
import { clusterResize } from './cluster-resize.ts';
import { masterKill } from './master-kill.ts';
import { redisPartition } from './redis-partition.ts';
import { slowReaders } from './slow-readers.ts';
import { sentinelFailover } from './sentinel-failover.ts';
import { reconnectStorm } from './reconnect-storm.ts';
import { outputBufferOverrun } from './output-buffer-overrun.ts';
import { clockJump } from './clock-jump.ts';
import { clientKillNormal, clientKillPubsub } from './client-kill.ts';
import { controlKill } from './control-kill.ts';
import { deafSubscription } from './deaf-subscription.ts';
import { edgeFence, edgeFreeze } from './edge-freeze.ts';
import { edgeKill } from './edge-kill.ts';
import { flushall } from './flushall.ts';
import { halfCut } from './half-cut.ts';
import { redisFreeze } from './redis-freeze.ts';
import { redisKillData } from './redis-kill-data.ts';
import { redisKillEmpty } from './redis-kill-empty.ts';
import { maxmemory, readonly } from './refusing-redis.ts';
import { rollingDeploy } from './rolling-deploy.ts';
import { scriptFlush } from './script-flush.ts';
import { socketsCut } from './sockets-cut.ts';
import { subscriptionStorm } from './subscription-storm.ts';
import { twinConnections } from './twin-connections.ts';

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
  deafSubscription,
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
  clockJump,
];
