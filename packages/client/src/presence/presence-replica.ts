import type { Presence as PresenceFrame, PresenceMember } from '@holdfast/protocol/down';

export interface PresenceChange {
  joined: readonly PresenceMember[];
  left: readonly PresenceMember[];
  count: number;
  version: number;
  countOnly: boolean;
}

interface Snapshot {
  version: number;
  members: Map<string, unknown>;
  /** Changes that came between its frames. */
  later: PresenceFrame[];
}

/** What frames tell of one topic's presence. */
export class PresenceReplica {
  readonly topic: string;
  members = new Map<string, unknown>();
  count = 0;
  version = 0;
  countOnly = false;
  /** Whether a frame has come. */
  isKnown = false;
  /** Whether `members` is what a snapshot is compared with: else its members are no changes. */
  #hasMembers = false;
  /** Whether changes apply to `members`: else a snapshot comes first. */
  #follows = false;
  #snapshot: Snapshot | undefined;

  constructor(topic: string) {
    this.topic = topic;
  }

  /** A connection begins: its first frames are a snapshot. */
  restart(): void {
    this.#follows = false;
    this.#snapshot = undefined;
  }

  /** No further frame comes. Returns the change; undefined when nothing was known. */
  forget(): PresenceChange | undefined {
    this.restart();
    if (!this.isKnown) return undefined;
    this.members = new Map();
    this.count = this.version = 0;
    this.countOnly = this.isKnown = this.#hasMembers = false;
    return this.#change();
  }

  /** Returns what the frame changed; undefined for a part of a snapshot, and for a frame that does not follow. */
  apply(frame: PresenceFrame): PresenceChange | undefined {
    if (frame.members !== undefined) return this.#part(frame, frame.members);
    if (frame.joined === undefined && frame.left === undefined) return this.#counted(frame);
    if (this.#snapshot !== undefined) {
      this.#snapshot.later.push(frame);
      return undefined;
    }
    if (!this.#follows || frame.version <= this.version) return undefined;
    if (frame.version !== this.version + 1) {
      // Members of a version between are missing: a snapshot must come.
      this.#follows = false;
      return undefined;
    }
    this.count = frame.count;
    this.version = frame.version;
    // In place: a topic may have thousands of members, and changes four times a second.
    return this.#change(...applyTo(this.members, frame));
  }

  #part(frame: PresenceFrame, members: readonly PresenceMember[]): PresenceChange | undefined {
    if (this.#snapshot?.version !== frame.version) {
      this.#snapshot = { version: frame.version, members: new Map(), later: this.#snapshot?.later ?? [] };
    }
    const snapshot = this.#snapshot;
    for (const { id, info } of members) snapshot.members.set(id, info);
    if (frame.more === true) return undefined;
    this.#snapshot = undefined;
    this.#follows = true;
    let last = frame;
    for (const later of snapshot.later) {
      if (later.version <= last.version) continue;
      if (later.version !== last.version + 1) {
        this.#follows = false;
        break;
      }
      applyTo(snapshot.members, later);
      last = later;
    }
    return this.#known(snapshot.members, last);
  }

  #counted({ count, version }: PresenceFrame): PresenceChange {
    this.restart();
    this.members = new Map();
    this.#hasMembers = false;
    this.countOnly = this.isKnown = true;
    this.count = count;
    this.version = version;
    return this.#change();
  }

  #known(members: Map<string, unknown>, { count, version }: PresenceFrame): PresenceChange {
    const before = this.members;
    const hadMembers = this.#hasMembers;
    this.members = members;
    this.count = count;
    this.version = version;
    this.countOnly = false;
    this.isKnown = this.#hasMembers = true;
    return hadMembers ? this.#change(without(members, before), without(before, members)) : this.#change();
  }

  #change(joined: readonly PresenceMember[] = [], left: readonly PresenceMember[] = []): PresenceChange {
    const { count, version, countOnly } = this;
    return { joined, left, count, version, countOnly };
  }
}

/** Returns who joined and who left by it. */
function applyTo(
  members: Map<string, unknown>,
  { joined = [], left = [] }: PresenceFrame,
): [PresenceMember[], PresenceMember[]] {
  const gone = left.filter((id) => members.has(id)).map((id) => ({ id, info: members.get(id) }));
  for (const id of left) members.delete(id);
  const came = joined.filter(({ id }) => !members.has(id));
  for (const { id, info } of joined) members.set(id, info);
  return [came, gone];
}

function without(members: ReadonlyMap<string, unknown>, others: ReadonlyMap<string, unknown>): PresenceMember[] {
  return Array.from(members, ([id, info]) => ({ id, info })).filter(({ id }) => !others.has(id));
}
