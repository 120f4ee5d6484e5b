import type { PresenceMember } from '@holdfast/protocol/down';
import { Emitter } from '../emitter.ts';
import { HoldfastError } from '../holdfast-error.ts';
import type { PresenceChange, PresenceReplica } from './presence-replica.ts';

export interface PresenceEvents {
  /** Somebody came, after the members were known. */
  joined: PresenceMember;
  /** Somebody left, with what was known of it last. */
  left: PresenceMember;
  /** After the events of one change, and when only the count, or all that is known, has changed. */
  change: PresenceChange;
}

/**
 * Who is present on a topic: a live map from ids to their `info`. While there is no connection it stays as it was; the
 * next one brings it up to date, with events for what changed meanwhile.
 */
export class Presence implements ReadonlyMap<string, unknown> {
  readonly topic: string;
  /** Fulfilled once the members, or only their number, are known; rejects with `closed` when that does not come. */
  readonly ready: Promise<void>;
  readonly #replica: PresenceReplica;
  readonly #emitter: Emitter<PresenceEvents>;
  readonly #onClose: () => void;
  #known!: () => void;
  #unknown!: (error: HoldfastError) => void;
  #isClosed = false;

  constructor(
    replica: PresenceReplica,
    onThrow: (error: unknown, event: keyof PresenceEvents) => void,
    onClose: (presence: Presence) => void,
  ) {
    this.topic = replica.topic;
    this.#replica = replica;
    this.#emitter = new Emitter(onThrow);
    this.#onClose = () => onClose(this);
    this.ready = new Promise((resolve, reject) => {
      this.#known = resolve;
      this.#unknown = reject;
    });
    // Waiting for it is not a duty.
    this.ready.catch(() => {});
    if (replica.isKnown) this.#known();
  }

  /** How many are present, also when there are too many to be named. */
  get count(): number {
    return this.#replica.count;
  }

  /** Rises by one with each change of the topic; 0 while nothing is known. */
  get version(): number {
    return this.#replica.version;
  }

  /** Whether the topic shows only how many there are: the map is empty then. */
  get countOnly(): boolean {
    return this.#replica.countOnly;
  }

  get size(): number {
    return this.#replica.members.size;
  }

  get(id: string): unknown {
    return this.#replica.members.get(id);
  }

  has(id: string): boolean {
    return this.#replica.members.has(id);
  }

  keys(): MapIterator<string> {
    return this.#replica.members.keys();
  }

  values(): MapIterator<unknown> {
    return this.#replica.members.values();
  }

  entries(): MapIterator<[string, unknown]> {
    return this.#replica.members.entries();
  }

  [Symbol.iterator](): MapIterator<[string, unknown]> {
    return this.entries();
  }

  forEach(callback: (info: unknown, id: string, map: ReadonlyMap<string, unknown>) => void): void {
    for (const [id, info] of this) callback(info, id, this);
  }

  /** Calls `listener` for each event of the type. Gives the function that takes the listener away again. */
  on<Type extends keyof PresenceEvents>(type: Type, listener: (event: PresenceEvents[Type]) => void): () => void {
    return this.#emitter.on(type, listener);
  }

  /** No further event comes. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unknown(new HoldfastError('closed', 'closed before it was known who is present'));
    this.#onClose();
  }

  /** For what feeds it. */
  emit(change: PresenceChange): void {
    if (this.#replica.isKnown) this.#known();
    for (const member of change.joined) this.#emit('joined', member);
    for (const member of change.left) this.#emit('left', member);
    this.#emit('change', change);
  }

  /** A listener may close it in the middle of several events. */
  #emit<Type extends keyof PresenceEvents>(type: Type, event: PresenceEvents[Type]): void {
    if (!this.#isClosed) this.#emitter.emit(type, event);
  }
}
