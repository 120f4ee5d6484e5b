import { randomBytes } from 'node:crypto';
import type { EdgeBroker, EdgePresence } from '@holdfast/broker/broker';
import type { EdgeFacts, EdgeLoad } from '@holdfast/broker/edge-state';
import type { LiveListener, LiveSubscriber } from '@holdfast/broker/live-subscriber';
import type { Logger } from '@holdfast/service/logger';
import type { Door, DoorDeps } from './door.ts';
import type { LoadSource } from './health/load-meter.ts';
import type { Broadcast } from './transport/transport.ts';

const EDGE_ID_BYTES = 6;

/** A new id for every start: nothing of an earlier life is taken for this one's. */
export function newEdgeId(): string {
  return randomBytes(EDGE_ID_BYTES).toString('hex');
}

export interface EdgeOptions {
  id: string;
  broker: EdgeBroker & EdgePresence;
  /** Opens the live channels, which call the listener. */
  channels: (listener: LiveListener) => LiveSubscriber;
  broadcast: Broadcast;
  logger: Logger;
  heartbeatMs: number;
  maxConnections: number;
  /** Makes what takes connections of another protocol. */
  door?: (deps: DoorDeps) => Door;
  /** How busy this edge is. */
  load?: (edge: LoadSource) => EdgeLoad;
  /** What is set for it: the same object until that changes. */
  facts?: () => EdgeFacts;
  /** Over how long connections are closed when an operator asks for it. */
  drainSeconds?: number;
  resumeDeadlineMs?: number;
  /** How long a connection may take nothing before it is closed, in milliseconds. */
  stuckMs?: number;
}
