/** A member of a topic: a user, or a client without one. */
export interface PresentMember {
  /** The user, or `~` and the ref of a client without one. */
  id: string;
  /** JSON; null for none. */
  info: string | null;
}

/** What changed at an edge since its last call for the topic. A member is named once: in `joined`, or in `left`. */
export interface PresenceChange {
  /**
   * Above that of any attempt before, of the edge's calls for all topics: an older state of Redis never has the sequence of
   * the present one. At least 2. A call whose outcome is unknown is made again with another, and what has changed meanwhile.
   */
  sequence: number;
  /** That of the last call (of `setPresence` too) that is known to be written; 0 when it left the edge without members. */
  confirmed: number;
  /** That of the first attempt since then; the same as `sequence` when this one is. */
  first: number;
  /** Those that were there already are given their info. */
  joined: readonly PresentMember[];
  /** Ids. */
  left: readonly string[];
}

/** All that an edge has of a topic. */
export interface PresenceOfEdge {
  /** As of a `PresenceChange`. */
  sequence: number;
  members: readonly PresentMember[];
}

export type PresenceOutcome =
  /** `waitMs`: when to call again, because changes are pending by then (`flushPresence`, or the next change); null: none are. */
  | { kind: 'changed'; waitMs: number | null }
  /** Redis does not have what the edge wrote before: nothing was changed, and `setPresence` puts it right. */
  | { kind: 'out-of-sequence' }
  /** The topic does not exist, or has no presence (any more): nothing is kept of it. */
  | { kind: 'off' };

export interface PresenceCheck {
  topic: string;
  /** That of the edge's last call for the topic that is known to be written; 0 when it has no members there. */
  sequence: number;
}

/** What Redis has of a topic. */
export interface PresenceVersion {
  /** That of the last changes published; 0 when there never was a member. Only grows, over loss of data too. */
  version: number;
  /** That of the edge's last call, 0 when it has no members, below 0 when only a part of it is written: another one than the edge's own calls for `setPresence`. */
  sequence: number;
  /** Present on all edges. */
  count: number;
  /** Changes are pending: call `flushPresence`. The edge that was to do it may have died. */
  pending: boolean;
}

export interface PresenceSnapshot {
  version: number;
  count: number;
  /** null: the topic shows only their number, now or always. */
  members: PresentMember[] | null;
}

/** What was published with a version, on the topic's live channel. */
export type PresenceUpdate =
  /** To a replica of the version before: first those that left, then those that joined. An id may be in both, with another info. */
  | { kind: 'changes'; joined: PresentMember[]; left: string[] }
  /** The topic shows only the number of its members, until the next `reset`. */
  | { kind: 'count' }
  /** The topic shows its members again, or too many have changed: read a snapshot. */
  | { kind: 'reset' };

/** From the live payload. Whatever cannot be read counts as a `reset`: then a snapshot tells. */
export function presenceUpdate(data: Buffer): PresenceUpdate {
  const text = String(data);
  if (text === 'count') return { kind: 'count' };
  const { joined, left } = changesOf(text) ?? {};
  if (!Array.isArray(joined) || !Array.isArray(left)) return { kind: 'reset' };
  return {
    kind: 'changes',
    joined: joined.map(([id, info]: [string, string]) => ({ id, info: info === '' ? null : info })),
    left: left as string[],
  };
}

function changesOf(text: string): { joined?: unknown; left?: unknown } | null {
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === 'object' ? found : null;
  } catch {
    return null;
  }
}
