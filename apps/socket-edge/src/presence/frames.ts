import type { PresentMember } from '@holdfast/broker/presence-state';
import { PRESENCE_FRAME_MEMBERS } from '@holdfast/protocol/limits';
import { textFrame } from '../transport/frames.ts';

/** On top of what may wait already when it is sent, it stays below what a connection is closed for. */
export const MAX_FRAME_BYTES = 96 * 1024;

/** A member as it stands in frames. Its info is JSON already. */
export function memberText({ id, info }: PresentMember): string {
  return `{"id":${JSON.stringify(id)},"info":${info ?? 'null'}}`;
}

export interface Versioned {
  topic: string;
  version: number;
  count: number;
}

function head({ topic, version, count }: Versioned): string {
  return `{"type":"presence","topic":${JSON.stringify(topic)},"version":${version},"count":${count}`;
}

/** How many there are, and not who. */
export function countFrame(at: Versioned): Buffer {
  return textFrame(`${head(at)}}`);
}

/** What changed since the version before. */
export function changesFrame(at: Versioned, joined: readonly string[], left: readonly string[]): Buffer {
  return textFrame(`${head(at)},"joined":[${joined.join(',')}],"left":${JSON.stringify(left)}}`);
}

/** All members at one version, in pages that are made when they are first asked for. */
export class Snapshot {
  readonly version: number;
  readonly #at: Versioned;
  /** Null: only how many there are. */
  readonly #members: readonly string[] | null;
  readonly #frames: Buffer[] = [];
  #from = 0;
  #isComplete = false;

  constructor(at: Versioned, members: readonly string[] | null) {
    this.version = at.version;
    this.#at = at;
    this.#members = members;
  }

  /** Pages are asked for in order, up to the last one. */
  page(index: number): Buffer {
    const known = this.#frames[index];
    if (known !== undefined) return known;
    const made = this.#next();
    this.#frames.push(made);
    return made;
  }

  isLast(index: number): boolean {
    return this.#isComplete && index === this.#frames.length - 1;
  }

  #next(): Buffer {
    if (this.#members === null) {
      this.#isComplete = true;
      return countFrame(this.#at);
    }
    const from = this.#from;
    let bytes = 0;
    while (this.#from < this.#members.length && this.#from - from < PRESENCE_FRAME_MEMBERS) {
      bytes += Buffer.byteLength(this.#members[this.#from] ?? '');
      if (bytes > MAX_FRAME_BYTES && this.#from > from) break;
      this.#from += 1;
    }
    this.#isComplete = this.#from === this.#members.length;
    const members = this.#members.slice(from, this.#from).join(',');
    return textFrame(`${head(this.#at)},"members":[${members}],"more":${!this.#isComplete}}`);
  }
}
