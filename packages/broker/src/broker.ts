import type { ControlChannels } from './interfaces/channels.ts';
import type { Clients, Users } from './interfaces/clients.ts';
import type { ApiKeys, DeadEdges, Edges } from './interfaces/edges.ts';
import type { Events, Evidence, Occupancy, EventReaper } from './interfaces/events.ts';
import type { Presence } from './interfaces/presence.ts';
import type { Topics } from './interfaces/topics.ts';

export type { KeyUsage } from './api-keys/usage.ts';
export type * from './interfaces/channels.ts';
export type * from './interfaces/clients.ts';
export type * from './interfaces/edge-broker.ts';
export type * from './interfaces/edges.ts';
export type * from './interfaces/events.ts';
export type * from './interfaces/presence.ts';
export type * from './interfaces/topics.ts';

/**
 * The interfaces to everything that Holdfast keeps in Redis. Each comment is a promise that the tests hold.
 * Every function rejects with `RedisUnavailable` when Redis does not answer; whether a write then took place is unknown.
 * On a Cluster it may be one node that does not: what has to do with the others goes on.
 */

/** All that control-api needs. */
export interface ControlBroker
  extends
    Clients,
    Users,
    Topics,
    ControlChannels,
    Presence,
    Occupancy,
    Edges,
    DeadEdges,
    ApiKeys,
    Events,
    EventReaper,
    Evidence {
  /** Whether Redis takes writes now, each of its servers; rejects with why not. */
  tryWrites(): Promise<void>;
}
