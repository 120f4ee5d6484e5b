import type { Fault } from '../fault.ts';
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
  controlKill,
  redisKillEmpty,
  redisKillData,
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
  redisPartition,
  sentinelFailover,
  masterKill,
  clusterReshard,
  clusterResize,
  socketsCut,
  slowReaders,
  reconnectStorm,
  twinConnections,
  subscriptionStorm,
  clockJump,
];
