/** Every time is in milliseconds of the machine's monotonic clock. */
type Milliseconds = number;

/** The topic whose presence is watched in every run. */
export const PRESENCE_TOPIC = 'prove.present';

/** Its settings: clients of a run have no user, and their number is far below the limit. */
export const PRESENCE = { by: 'client', show: 'members', limit: 20_000, graceSeconds: 5 } as const;

/** Who is in a watcher's map: under which id, and who that is by its `info`. A member may be there under two ids. */
export interface Shown {
  id: string;
  member: string;
}

/** What one watcher saw, in order. */
export type WatchEvent =
  /** A connection of the watcher begins or ends: in between its map is frozen. */
  | { kind: 'connected' | 'disconnected'; at: Milliseconds }
  /** Nothing is known any more, or yet. */
  | { kind: 'unknown'; at: Milliseconds }
  /** The first members. */
  | { kind: 'known'; at: Milliseconds; members: readonly Shown[] }
  | ({ kind: 'joined' | 'left'; at: Milliseconds } & Shown)
  /** After the events of one change: the count that came with it, and how many are in the map. */
  | { kind: 'changed'; at: Milliseconds; count: number; size: number };

export interface WatcherLog {
  watcher: number;
  /** What it did not read in time says nothing of what was sent. */
  isReliable: boolean;
  events: readonly WatchEvent[];
}

/** A time in which something holds; `to` is null while it still does. */
export interface Span {
  from: Milliseconds;
  to: Milliseconds | null;
}

/** When a member was connected and subscribed. */
export interface MemberSpans {
  member: string;
  /** In order, without an overlap. */
  spans: readonly Span[];
  /** Its client may hold a connection as open that its edge has closed. */
  isUncertain: boolean;
}

/** What `info` says of the client with this id. */
export function infoOf(clientId: string): { member: string } {
  return { member: memberOf(clientId) };
}

/** How members are called here: not by `ref`, which the client itself is not told. */
export function memberOf(clientId: string): string {
  return clientId.slice(0, clientId.indexOf('-'));
}

/** The member that an `info` tells of, or the id that it came with when it tells of none. */
export function memberIn(id: string, info: unknown): string {
  if (typeof info === 'object' && info !== null && 'member' in info && typeof info.member === 'string') {
    return info.member;
  }
  return id;
}
