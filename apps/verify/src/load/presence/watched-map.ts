import type { Presence, PresenceMember } from '@holdfast/protocol/down';
import { type PresenceFaultKind, type Received, nothingReceived } from './findings.ts';

/** Takes every fault that is found, with what it is about. */
type OnFault = (kind: PresenceFaultKind, detail: string) => void;

/**
 * The map of members that one watcher keeps from the frames of its connection, and the judge of them: versions rise by
 * one, who is there does not join, who is not does not leave, and the count is the size of the map.
 */
export class WatchedMap {
  readonly #onFault: OnFault;
  #members = new Map<string, unknown>();
  /** Null: the next frame begins a snapshot. */
  #version: number | null = null;
  #snapshot: { version: number; members: Map<string, unknown> } | null = null;
  readonly received: Received = { ...nothingReceived };

  constructor(onFault: OnFault) {
    this.#onFault = onFault;
  }

  get members(): ReadonlyMap<string, unknown> {
    return this.#members;
  }

  get version(): number | null {
    return this.#version;
  }

  /** A connection begins. */
  begin(): void {
    this.#version = null;
    this.#snapshot = null;
  }

  /** Takes one frame, whose text has so many bytes. */
  take(frame: Presence, bytes: number): void {
    this.received.frames += 1;
    this.received.bytes += bytes;
    if (frame.members !== undefined) this.#takePage(frame, frame.members);
    else if (frame.joined === undefined && frame.left === undefined) this.#takeCount(frame);
    else this.#takeChange(frame);
  }

  #takePage({ version, count, more }: Presence, members: readonly PresenceMember[]): void {
    if (this.#snapshot !== null && this.#snapshot.version !== version) {
      this.#onFault('tornSnapshot', `a page of version ${version} within version ${this.#snapshot.version}`);
      this.#snapshot = null;
    }
    this.#snapshot ??= { version, members: new Map() };
    const { members: known } = this.#snapshot;
    for (const { id, info } of members) {
      if (known.has(id)) this.#onFault('tornSnapshot', `${id} twice in version ${version}`);
      known.set(id, info);
    }
    if (more === true) return;
    this.#snapshot = null;
    if (this.#version !== null && version < this.#version) {
      this.#onFault('gap', `a snapshot of version ${version} after ${this.#version}`);
    }
    this.#members = known;
    this.#version = version;
    this.received.snapshots += 1;
    this.#expectCount(count);
  }

  #takeChange({ version, count, joined = [], left = [] }: Presence): void {
    if (this.#snapshot !== null || this.#version === null || version !== this.#version + 1) {
      const after = this.#snapshot === null ? (this.#version ?? 'none') : 'a part of a snapshot';
      this.#onFault('gap', `version ${version} after ${after}`);
      // Whatever was between is missing: only a snapshot helps.
      this.begin();
      return;
    }
    for (const id of left) {
      if (!this.#members.delete(id)) this.#onFault('leftTwice', `${id} in version ${version}`);
    }
    for (const { id, info } of joined) {
      const isKnown = this.#members.has(id);
      // With another info it has not joined, it has changed.
      if (isKnown && JSON.stringify(this.#members.get(id)) === JSON.stringify(info)) {
        this.#onFault('joinedTwice', `${id} in version ${version}`);
      }
      this.#members.set(id, info);
    }
    this.#version = version;
    this.received.versions += 1;
    this.#expectCount(count);
  }

  #takeCount({ version, count }: Presence): void {
    this.#onFault('countOnly', `${count} in version ${version}`);
    this.#members = new Map();
    this.begin();
  }

  #expectCount(count: number): void {
    if (count === this.#members.size) return;
    this.#onFault('wrongCount', `${count} of ${this.#members.size} in version ${this.#version}`);
  }
}
