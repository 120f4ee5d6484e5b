import { type PresenceSnapshot, type PresenceUpdate, presenceUpdate } from '@holdfast/broker/presence-state';
import { MAX_FRAME_BYTES, Snapshot, type Versioned, changesFrame, countFrame, memberText } from './frames.ts';

/** Frames that are kept for connections which are some versions behind: a few seconds of them. */
const MAX_RECENT = 16;
const MAX_RECENT_BYTES = 256 * 1024;

/** What is published with a version of a topic's presence. */
export interface LiveUpdate {
  version: number;
  count: number;
  data: Buffer;
}

export type Applied =
  /**
   * The frame that brings connections of the version before to this one; null when it is too large: they are to have the
   * pages of a snapshot, which their sockets take one by one.
   */
  | { kind: 'changed'; frame: Buffer | null }
  /** It is of a version that the replica has. */
  | { kind: 'old' }
  /** It does not follow: a snapshot is to be read. */
  | { kind: 'gap' };

/** Who is present on a topic on all edges, version by version, for those that watch it here. */
export class Replica {
  readonly #topic: string;
  /** As texts, by id; null: only how many there are is known. */
  #members: Map<string, string> | null;
  #version: number;
  #count: number;
  /** The frames of the last versions, the newest last. */
  #recent: { version: number; frame: Buffer }[] = [];
  #recentBytes = 0;
  #snapshot: Snapshot | null = null;

  constructor(topic: string, { version, count, members }: PresenceSnapshot) {
    this.#topic = topic;
    this.#version = version;
    this.#count = count;
    this.#members = members && new Map(members.map((member) => [member.id, memberText(member)]));
  }

  get version(): number {
    return this.#version;
  }

  apply({ version, count, data }: LiveUpdate): Applied {
    if (version <= this.#version) return { kind: 'old' };
    if (version !== this.#version + 1) return { kind: 'gap' };
    const update = presenceUpdate(data);
    if (update.kind === 'reset' || (update.kind === 'changes' && this.#members === null)) return { kind: 'gap' };
    this.#version = version;
    this.#count = count;
    this.#snapshot = null;
    const frame = update.kind === 'count' ? this.#becomeCount() : this.#change(update);
    if (frame.length > MAX_FRAME_BYTES) {
      this.#forgetRecent();
      return { kind: 'changed', frame: null };
    }
    this.#keep(frame);
    return { kind: 'changed', frame };
  }

  /** The frames after a version; null when not all of them are kept. */
  framesAfter(version: number): Buffer[] | null {
    const missing = this.#version - version;
    if (version < 0 || missing < 0 || missing > this.#recent.length) return null;
    return this.#recent.slice(this.#recent.length - missing).map(({ frame }) => frame);
  }

  /** The same one for all that ask at this version. */
  snapshot(): Snapshot {
    this.#snapshot ??= new Snapshot(this.#at, this.#members && [...this.#members.values()]);
    return this.#snapshot;
  }

  get #at(): Versioned {
    return { topic: this.#topic, version: this.#version, count: this.#count };
  }

  #becomeCount(): Buffer {
    this.#members = null;
    return countFrame(this.#at);
  }

  #change({ joined, left }: Extract<PresenceUpdate, { kind: 'changes' }>): Buffer {
    const texts = joined.map((member) => memberText(member));
    for (const id of left) this.#members?.delete(id);
    for (const [index, { id }] of joined.entries()) this.#members?.set(id, texts[index] ?? '');
    // Who left and is there again, maybe with another info, did not leave.
    const again = new Set(joined.map(({ id }) => id));
    return changesFrame(
      this.#at,
      texts,
      left.filter((id) => !again.has(id)),
    );
  }

  #keep(frame: Buffer): void {
    this.#recent.push({ version: this.#version, frame });
    this.#recentBytes += frame.length;
    while (this.#recent.length > MAX_RECENT || this.#recentBytes > MAX_RECENT_BYTES) {
      this.#recentBytes -= this.#recent.shift()?.frame.length ?? 0;
    }
  }

  #forgetRecent(): void {
    this.#recent = [];
    this.#recentBytes = 0;
  }
}
