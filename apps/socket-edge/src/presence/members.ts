import type { PresentMember } from '@holdfast/broker/presence-state';

/** What Redis has of a member is not known: a call for it failed, or is under way. */
const UNKNOWN = Symbol('unknown');

/** One that is present at this edge, or that Redis may still have. */
export class Member {
  readonly id: string;
  readonly of: Members;
  /** Of its newest connection. */
  info: string | null;
  connections = 0;
  /** Until when it stays without a connection, in milliseconds of the monotonic clock. */
  keptUntil = 0;
  /** Its info as Redis has it; undefined when Redis does not have the member. */
  stored: string | null | undefined | typeof UNKNOWN = undefined;

  constructor(id: string, info: string | null, of: Members) {
    this.id = id;
    this.info = info;
    this.of = of;
  }
}

export interface MembersDeps {
  /** There is something that Redis does not have. */
  onChange: () => void;
  /** A member without a connection is kept until its `keptUntil`: calls `release` then. */
  keep: (member: Member) => void;
  /** It has a connection again, or is kept no more. */
  unkeep: (member: Member) => void;
  /** In milliseconds. */
  now: () => number;
}

/** What is to be written, and what Redis then has of each member. */
export interface Batch {
  joined: PresentMember[];
  left: string[];
  written: { member: Member; info: string | null | undefined }[];
}

/**
 * The members of one topic at this edge: the truth, and what Redis has of it. What differs is all there is to write, so
 * that a Redis which is away costs no queue, and nothing is lost by a call that fails.
 */
export class Members {
  readonly #deps: MembersDeps;
  readonly #members = new Map<string, Member>();
  readonly #changed = new Set<Member>();
  #present = 0;
  #stored = 0;

  constructor(deps: MembersDeps) {
    this.#deps = deps;
  }

  /** How many are present. */
  get present(): number {
    return this.#present;
  }

  /** Whether none is present, and Redis has none. */
  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  /** How many Redis has, or may have. */
  get stored(): number {
    return this.#stored;
  }

  get hasChanges(): boolean {
    return this.#changed.size > 0;
  }

  /** A connection of a member begins. */
  join(id: string, info: string | null): void {
    let member = this.#members.get(id);
    if (member === undefined) {
      member = new Member(id, info, this);
      this.#members.set(id, member);
    }
    const wasPresent = isPresent(member);
    if (member.connections === 0 && member.keptUntil > 0) this.#deps.unkeep(member);
    member.connections += 1;
    member.keptUntil = 0;
    member.info = info;
    if (!wasPresent) this.#present += 1;
    this.#note(member);
  }

  /** What is known of a member that is present has changed. */
  update(id: string, info: string | null): void {
    const member = this.#members.get(id);
    if (member === undefined || member.info === info) return;
    member.info = info;
    this.#note(member);
  }

  /**
   * A connection of a member has ended.
   * @param graceMs how long the member stays all the same, if this was its last one
   */
  leave(id: string, graceMs: number): void {
    const member = this.#members.get(id);
    if (member === undefined || member.connections === 0) return;
    member.connections -= 1;
    const now = this.#deps.now();
    if (graceMs > 0) member.keptUntil = now + graceMs;
    if (member.connections > 0) return;
    if (member.keptUntil > now) this.#deps.keep(member);
    else this.#end(member);
  }

  /** Those present here, and those that Redis may still have. */
  get ids(): string[] {
    return [...this.#members.keys()];
  }

  /** A member is kept for none of its connections that have ended. */
  unkeep(id: string): void {
    const member = this.#members.get(id);
    if (member === undefined || member.keptUntil === 0) return;
    if (member.connections > 0) {
      member.keptUntil = 0;
      return;
    }
    this.#deps.unkeep(member);
    this.#end(member);
  }

  /** It has been kept for as long as it may. */
  release(member: Member): void {
    if (member.connections === 0 && member.keptUntil > 0) this.#end(member);
  }

  /** Takes what is to be written, at most so many. Before the next batch this one is `written` or has `failed`. */
  take(max: number): Batch {
    const batch: Batch = { joined: [], left: [], written: [] };
    for (const member of this.#changed) {
      if (batch.written.length === max) break;
      const info = truth(member);
      if (info === undefined) batch.left.push(member.id);
      else batch.joined.push({ id: member.id, info });
      batch.written.push({ member, info });
      this.#store(member, UNKNOWN);
      this.#changed.delete(member);
    }
    return batch;
  }

  /** Redis has this. */
  written({ written }: Batch): void {
    for (const { member, info } of written) {
      this.#store(member, info);
      this.#note(member);
    }
  }

  /** It is not known whether Redis has this. */
  failed({ written }: Batch): void {
    for (const { member } of written) this.#changed.add(member);
  }

  /** All that are present, to be written in place of whatever Redis has; then `written` or `failed`, as of a batch. */
  takeAll(): Batch {
    this.#changed.clear();
    const batch: Batch = { joined: [], left: [], written: [] };
    for (const member of this.#members.values()) {
      const info = truth(member);
      if (info !== undefined) batch.joined.push({ id: member.id, info });
      batch.written.push({ member, info });
      this.#store(member, UNKNOWN);
    }
    return batch;
  }

  /** Nothing is kept of anybody any more, here or in Redis. */
  clear(): void {
    for (const member of this.#members.values()) {
      if (member.connections === 0) this.#deps.unkeep(member);
      member.connections = 0;
      member.keptUntil = 0;
    }
    this.#members.clear();
    this.#changed.clear();
    this.#present = 0;
    this.#stored = 0;
  }

  #store(member: Member, stored: Member['stored']): void {
    this.#stored += Number(stored !== undefined) - Number(member.stored !== undefined);
    member.stored = stored;
  }

  #end(member: Member): void {
    member.keptUntil = 0;
    this.#present -= 1;
    this.#note(member);
  }

  #note(member: Member): void {
    const info = truth(member);
    if (info !== member.stored) {
      this.#changed.add(member);
      this.#deps.onChange();
      return;
    }
    this.#changed.delete(member);
    if (info === undefined) this.#members.delete(member.id);
  }
}

function isPresent({ connections, keptUntil }: Member): boolean {
  return connections > 0 || keptUntil > 0;
}

/** What Redis is to have of a member. */
function truth(member: Member): string | null | undefined {
  return isPresent(member) ? member.info : undefined;
}
